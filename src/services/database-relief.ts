/** When an account gets another SQLite host, and which of its queries makes room when it may have no more. */
import { mayRepeat } from "../products/d1/repeatable.ts";
import type { DatabaseTask, HostConnection } from "./database-host.ts";
import {
  ANOTHER_HOST_MS,
  EXTRA_HOST_MEMORY_BYTES,
  EXTRA_HOST_MS,
  MAX_EXTRA_HOSTS_PER_ACCOUNT,
  MAX_HOSTS_PER_ACCOUNT,
  STARVING_MS,
} from "./limits.ts";

/**
 * How long a host must be stuck before another is started beside these. A few come quickly, further ones later and only
 * while the machine has memory to spare. Undefined: no further one.
 */
export function patienceWith(hosts: HostConnection[]): number | undefined {
  if (hosts.length < MAX_HOSTS_PER_ACCOUNT) return ANOTHER_HOST_MS;
  const more = hosts.length < MAX_HOSTS_PER_ACCOUNT + MAX_EXTRA_HOSTS_PER_ACCOUNT;
  return more && process.availableMemory() > EXTRA_HOST_MEMORY_BYTES ? EXTRA_HOST_MS : undefined;
}

/** The host to end when others wait and no further one may be started: once all are stuck, that of the oldest query that only reads. */
export function longestReading(
  hosts: HostConnection[],
  nowMs: number,
  starvingMs = STARVING_MS,
): HostConnection | undefined {
  if (!hosts.every((host) => isStuck(host, nowMs, EXTRA_HOST_MS))) return undefined;
  return hosts
    .filter((host) => isStuck(host, nowMs, starvingMs) && host.current && writesNothing(host.current))
    .toSorted((a, b) => a.busySinceMs - b.busySinceMs)[0];
}

/** Whether the task only reads. Asked again and again while others wait. */
export function writesNothing(task: DatabaseTask): boolean {
  task.writesNothing ??= mayRepeat(task);
  return task.writesNothing;
}

export function isStuck(host: HostConnection, nowMs: number, afterMs: number): boolean {
  return host.current !== undefined && nowMs - host.busySinceMs > afterMs;
}

export function leastLoaded(hosts: HostConnection[]): HostConnection | undefined {
  return hosts.reduce<HostConnection | undefined>(
    (best, host) => (best === undefined || host.load < best.load ? host : best),
    undefined,
  );
}
