import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { commandLine, identify } from "./proc.ts";

/** How long a leftover process may take to be gone after SIGKILL. */
const END_TIMEOUT_MS = 2000;
const END_POLL_MS = 10;

interface Entry {
  pid: number;
  startTicks: string;
  /** Part of the command line that only a process of ours has. */
  mark: string;
}

/**
 * The file of processes that this supervisor started, so that the next one can end those that outlive it.
 * With `/proc` only: elsewhere a process id cannot be told from a reused one, and nothing is listed.
 */
export class ProcessList {
  #path: string;
  #entries = new Map<number, Entry>();

  constructor(path: string) {
    this.#path = path;
  }

  /** `mark` is part of the command line and distinguishes the process from any foreign one. */
  add(pid: number, mark: string): void {
    const identity = identify(pid);
    if (!identity) return;
    this.#entries.set(pid, { ...identity, mark });
    this.#save();
  }

  remove(pid: number): void {
    if (this.#entries.delete(pid)) this.#save();
  }

  #save(): void {
    const lines = [...this.#entries.values()].map(({ pid, startTicks, mark }) => `${pid} ${startTicks} ${mark}\n`);
    try {
      writeFileSync(this.#path, lines.join(""), { mode: 0o600 });
    } catch {
      // A full disk must not end the platform; what dies with us needs no list.
    }
  }
}

/**
 * Kills what is left of a supervisor that was killed: the processes in the list that still are those that were listed,
 * and runners whose sandbox shows a directory of `runDir`. (A runner that was just being started is not listed yet.)
 * Waits for their end. Returns how many.
 */
export async function endLeftovers(path: string, runDir: string): Promise<number> {
  const isLeft = new Map<number, () => boolean>();
  for (const pid of sandboxedIn(runDir)) isLeft.set(pid, () => showsDirectoryOf(pid, runDir));
  for (const entry of readEntries(path)) if (isSame(entry)) isLeft.set(entry.pid, () => isSame(entry));
  for (const pid of isLeft.keys()) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone meanwhile.
    }
  }
  const deadline = Date.now() + END_TIMEOUT_MS;
  while ([...isLeft.values()].some((left) => left()) && Date.now() < deadline) await delay(END_POLL_MS);
  rmSync(path, { force: true });
  return isLeft.size;
}

function sandboxedIn(runDir: string): number[] {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => showsDirectoryOf(pid, runDir));
}

/** Whether a directory below `runDir` is mounted at `/in` for the process, as only our sandbox does. */
function showsDirectoryOf(pid: number, runDir: string): boolean {
  let mounts: string;
  try {
    mounts = readFileSync(`/proc/${pid}/mountinfo`, "utf8");
  } catch {
    return false;
  }
  // Fields 4 and 5: what of its file system is mounted, and where.
  return mounts.split("\n").some((line) => {
    const [, , , root = "", point] = line.split(" ");
    return point === "/in" && root.startsWith(`${runDir}/`);
  });
}

function isSame(entry: Entry): boolean {
  return (
    identify(entry.pid)?.startTicks === entry.startTicks &&
    (commandLine(entry.pid)?.some((argument) => argument.includes(entry.mark)) ?? false)
  );
}

function readEntries(path: string): Entry[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const match = /^(\d+) (\d+) (.+)$/.exec(line);
    return match ? [{ pid: Number(match[1]), startTicks: match[2]!, mark: match[3]! }] : [];
  });
}
