import { readdirSync, readFileSync } from "node:fs";
import type { Platform } from "../test/harness/platform.ts";
import { descendants } from "../test/harness/processes.ts";
import { median } from "./lib.ts";

/** Calls of one request: many, so that the request itself counts for little. (The clock in a Worker has whole milliseconds.) */
const callsARequest = 50;

/**
 * Time and CPU of one call inside a Worker, in milliseconds, when `ask` has it make so many calls in turn.
 * The time is the median over requests of their mean.
 */
export async function callCost(
  calls: number,
  ask: (count: number) => Promise<unknown>,
  pids: () => number[],
  each = callsARequest,
): Promise<{ p50Ms: number; cpuMs: number }> {
  const processes = pids();
  const before = cpuMsOf(processes);
  const times: number[] = [];
  for (let made = 0; made < calls; made += each) {
    const startedAt = performance.now();
    await ask(each);
    times.push((performance.now() - startedAt) / each);
  }
  return { p50Ms: median(times), cpuMs: (cpuMsOf(processes) - before) / calls };
}

/** All processes of a platform. */
export function platformPids({ supervisor }: Platform): number[] {
  return [supervisor.pid, ...descendants(supervisor.pid).map((process) => process.pid)];
}

/** CPU time of these processes so far. */
export function cpuMsOf(pids: number[]): number {
  return pids.reduce((sum, pid) => sum + runMs(pid), 0);
}

/** CPU time of the process so far, from the scheduler: in nanoseconds there, where `stat` counts ticks of 10 ms. */
function runMs(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + threadMs(pid, thread), 0);
  } catch {
    return 0;
  }
}

function threadMs(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return 0;
  }
}
