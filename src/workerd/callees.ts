import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** When a home moves, connections to it are ended on which nothing has passed for so long: longer than an answer takes. */
const KEPT_QUIET_MS = 20;
/** And all of them after this time. */
const KEPT_END_MS = 5000;
/** Released instances that are remembered until they are gone. */
export const MAX_RELEASED = 1000;

/** Which runner instances are being called, so that they can be let go of without breaking a call. */
export class Callees {
  #open = new Map<string, Set<Socket>>();
  /** Versions that calls are about to get a runner of, and how many calls. */
  #awaited = new Map<string, number>();
  #released = new Set<string>();
  #waiting = new Map<string, (() => void)[]>();
  /** Connections that their callers keep for many calls: they do not end with a call. */
  #kept = new WeakSet<Socket>();

  /** Asks for a runner of the version; until that ends no runner of it counts as idle. */
  async whileAwaiting<T>(versionId: string, acquire: () => Promise<T>): Promise<T> {
    this.#awaited.set(versionId, (this.#awaited.get(versionId) ?? 0) + 1);
    try {
      return await acquire();
    } finally {
      const left = (this.#awaited.get(versionId) ?? 0) - 1;
      if (left > 0) this.#awaited.set(versionId, left);
      else this.#awaited.delete(versionId);
    }
  }

  /**
   * Counts a connection to the instance until it closes; `kept`: the caller uses it for many calls.
   * False when the instance is being drained: choose another.
   */
  enter(instanceId: string, connection: Socket, kept = false): boolean {
    if (this.#released.has(instanceId)) return false;
    if (kept) this.#kept.add(connection);
    const connections = this.#open.get(instanceId) ?? new Set();
    this.#open.set(instanceId, connections.add(connection));
    connection.once("close", () => this.#leave(instanceId, connection));
    return true;
  }

  inFlight(instanceId: string): number {
    return this.#open.get(instanceId)?.size ?? 0;
  }

  /** Whether nothing is in flight to the instance. It stays in use: the supervisor may keep it after all. */
  isIdle(instanceId: string, versionId: string): boolean {
    return !this.#open.has(instanceId) && !this.#awaited.has(versionId);
  }

  /**
   * Lets no new call reach the instance; resolves when the last one has ended. `endKept`: the instance's gate has
   * answered all calls, so connections that are kept are ended, once the last bytes on them have passed.
   */
  async release(instanceId: string, endKept = false): Promise<void> {
    this.#remember(instanceId);
    if (!this.#open.has(instanceId)) return;
    if (endKept) void this.#endKept(instanceId);
    await new Promise<void>((resolve) => {
      this.#waiting.set(instanceId, [...(this.#waiting.get(instanceId) ?? []), resolve]);
    });
  }

  /** Ends all connections to an instance that is no more. */
  gone(instanceId: string): void {
    for (const connection of this.#open.get(instanceId) ?? []) connection.destroy();
    this.#released.delete(instanceId);
  }

  async #endKept(instanceId: string): Promise<void> {
    const bytes = new Map<Socket, number>();
    for (let waitedMs = 0; ; waitedMs += KEPT_QUIET_MS) {
      const kept = [...(this.#open.get(instanceId) ?? [])].filter((connection) => this.#kept.has(connection));
      if (kept.length === 0) return;
      for (const connection of kept) {
        const passed = connection.bytesRead + connection.bytesWritten;
        if (bytes.get(connection) === passed || waitedMs >= KEPT_END_MS) connection.destroy();
        bytes.set(connection, passed);
      }
      await delay(KEPT_QUIET_MS);
    }
  }

  #leave(instanceId: string, connection: Socket): void {
    const connections = this.#open.get(instanceId);
    connections?.delete(connection);
    if (connections?.size !== 0) return;
    this.#open.delete(instanceId);
    for (const resolve of this.#waiting.get(instanceId) ?? []) resolve();
    this.#waiting.delete(instanceId);
  }

  #remember(instanceId: string): void {
    this.#released.add(instanceId);
    const [oldest] = this.#released;
    if (oldest !== undefined && this.#released.size > MAX_RELEASED) this.#released.delete(oldest);
  }
}
