import { type ChildProcessWithoutNullStreams, type SpawnOptionsWithoutStdio, spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Both streams, in the order in which they arrived. */
  output: string;
}

/** A child process whose output is kept and can be waited for. */
export class Child {
  readonly process: ChildProcessWithoutNullStreams;
  readonly finished: Promise<Finished>;
  output = "";
  #watchers = new Set<() => void>();

  constructor(command: string, args: string[], options: SpawnOptionsWithoutStdio & { input?: string } = {}) {
    const { input, ...spawnOptions } = options;
    const child = spawn(command, args, { ...spawnOptions, stdio: "pipe" });
    this.process = child;
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      this.#add(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      this.#add(text);
    });
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
    this.finished = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => {
        resolve({ code, signal, stdout, stderr, output: this.output });
        this.#notify();
      });
    });
    this.finished.catch(() => {});
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Resolves with the match as soon as the output so far has one; rejects when the process ends or time is up. */
  outputMatching(pattern: RegExp, timeoutMs: number): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const finish = (error?: Error, match?: RegExpMatchArray) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        if (match) resolve(match);
        else reject(error ?? new Error("no match"));
      };
      const look = () => {
        const match = this.output.match(pattern);
        if (match) finish(undefined, match);
        else if (!this.running) finish(new Error(`ended before it printed ${pattern}:\n${this.output}`));
      };
      const timer = setTimeout(
        () => finish(new Error(`did not print ${pattern} within ${timeoutMs} ms:\n${this.output}`)),
        timeoutMs,
      );
      this.#watchers.add(look);
      this.process.once("close", look);
      look();
    });
  }

  /** Waits for the end, killing the process when `timeoutMs` are over. */
  async end(timeoutMs: number): Promise<Finished> {
    const timer = setTimeout(() => {
      this.process.kill("SIGKILL");
      // Its own children may still hold the pipes.
      this.process.stdout.destroy();
      this.process.stderr.destroy();
    }, timeoutMs);
    try {
      return await this.finished;
    } finally {
      clearTimeout(timer);
    }
  }

  #add(text: string): void {
    this.output += text;
    this.#notify();
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

export interface ProcessInfo {
  pid: number;
  parentPid: number;
  command: string[];
  /** Start time in clock ticks since boot: with the pid it names a process for good. */
  startTicks: number;
}

/** All processes of the machine that can be read. Linux only. */
function processTable(): ProcessInfo[] {
  const table: ProcessInfo[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const fields = statFields(Number(entry));
      if (fields.state === "Z") continue;
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0").filter(Boolean);
      table.push({ pid: Number(entry), parentPid: fields.parentPid, command, startTicks: fields.startTicks });
    } catch {
      // It ended while we looked.
    }
  }
  return table;
}

function statFields(pid: number): { state: string; parentPid: number; cpuTicks: number; startTicks: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold spaces: count fields after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    state: fields[0] ?? "",
    parentPid: Number(fields[1]),
    cpuTicks: Number(fields[11]) + Number(fields[12]),
    startTicks: Number(fields[19]),
  };
}

/** Processes below `rootPid`, children before grandchildren. */
export function descendants(rootPid: number): ProcessInfo[] {
  const table = processTable();
  const found: ProcessInfo[] = [];
  let parents = new Set([rootPid]);
  while (parents.size > 0) {
    const children = table.filter((process) => parents.has(process.parentPid));
    found.push(...children);
    parents = new Set(children.map((process) => process.pid));
  }
  return found;
}

export function isAlive(process: { pid: number; startTicks: number }): boolean {
  try {
    const fields = statFields(process.pid);
    return fields.startTicks === process.startTicks && fields.state !== "Z";
  } catch {
    return false;
  }
}

/** Those of the processes that do not end within some seconds: one that was killed is not gone at once. */
export async function survivors<Known extends { pid: number; startTicks: number }>(family: Known[]): Promise<Known[]> {
  for (const deadline = Date.now() + 10_000; family.some(isAlive) && Date.now() < deadline; )
    await new Promise((resolve) => setTimeout(resolve, 20));
  return family.filter(isAlive);
}

/** CPU time of the process and its threads so far, in milliseconds; 0 when it is gone. */
export function cpuMs(pid: number): number {
  try {
    // Linux reports ticks of 10 ms (USER_HZ) whatever the kernel's own clock is.
    return statFields(pid).cpuTicks * 10;
  } catch {
    return 0;
  }
}

/** Proportional set size in MB: shared pages are counted in equal parts to those that share them. */
export function pssMb(pid: number): number {
  try {
    const match = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Pss:\s+(\d+) kB$/m);
    return Number(match?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Whether the process runs the `workerd` program (sandboxed or not). */
export function isRuntime(process: ProcessInfo): boolean {
  try {
    return readlinkSync(`/proc/${process.pid}/exe`).endsWith("/workerd");
  } catch {
    return false;
  }
}
