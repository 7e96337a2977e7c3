/**
 * What `/proc` tells about processes. Elsewhere than on Linux there is no `/proc`:
 * every reader then answers undefined, and its caller does without.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";

export const hasProc = existsSync("/proc/self/schedstat") && existsSync("/proc/self/statm");

/** Bytes of a page. x86-64 has 4 KiB; arm64 kernels may have 16 or 64, told by `/proc/self/smaps`. */
export const pageBytes = hasProc ? (readNumber("/proc/self/smaps", /^KernelPageSize:\s+(\d+) kB/m) ?? 4) * 1024 : 4096;

/** Who a process id belongs to: an id is reused, the pair with the start time is not until the next boot. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks between boot and the start of the process (field 22 of `/proc/<pid>/stat`). */
  startTicks: string;
}

/** The process that has this id now, or undefined when there is none. A zombie counts as none. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (!stat) return undefined;
  // The command stands in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const startTicks = fields[19];
  return startTicks === undefined || fields[0] === "Z" ? undefined : { pid, startTicks };
}

/** Arguments of a process, or undefined when it is gone. */
export function commandLine(pid: number): string[] | undefined {
  return read(`/proc/${pid}/cmdline`)?.split("\0").slice(0, -1);
}

/** Reads one process over and over without opening files anew: about 1 µs a reading. */
export class ProcessMeter {
  #schedstat: number;
  #statm: number;
  #buffer = Buffer.alloc(256);

  /** Throws when the process is gone. */
  constructor(pid: number) {
    this.#schedstat = openSync(`/proc/${pid}/schedstat`, "r");
    try {
      this.#statm = openSync(`/proc/${pid}/statm`, "r");
    } catch (error) {
      closeSync(this.#schedstat);
      throw error;
    }
  }

  /** CPU that the main thread has used, in milliseconds; undefined once the process is gone. */
  mainThreadCpuMs(): number | undefined {
    const nanoseconds = this.#line(this.#schedstat)?.[0];
    return nanoseconds === undefined ? undefined : nanoseconds / 1e6;
  }

  /** Memory in bytes; undefined once the process is gone. */
  memory(): ProcessMemory | undefined {
    const fields = this.#line(this.#statm);
    if (!fields) return undefined;
    const [, resident = 0, shared = 0, , , data = 0] = fields;
    return { anonymousBytes: (resident - shared) * pageBytes, dataBytes: data * pageBytes };
  }

  close(): void {
    closeSync(this.#schedstat);
    closeSync(this.#statm);
  }

  #line(file: number): number[] | undefined {
    try {
      const length = readSync(file, this.#buffer, 0, this.#buffer.length, 0);
      return length === 0 ? undefined : this.#buffer.toString("latin1", 0, length).split(" ").map(Number);
    } catch {
      return undefined;
    }
  }
}

export interface ProcessMemory {
  /** Resident memory that no file backs: heap, buffers, stacks. */
  anonymousBytes: number;
  /** Private writable address space: what `RLIMIT_DATA` counts. */
  dataBytes: number;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

function readNumber(path: string, pattern: RegExp): number | undefined {
  const match = pattern.exec(read(path) ?? "")?.[1];
  return match === undefined ? undefined : Number(match);
}
