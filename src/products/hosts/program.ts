import { join } from "node:path";

/** A program that runs in a sandbox of its own: what of ours it may see. */
export interface HostProgram {
  /** Directories below {@link programRoot}. */
  directories: string[];
  /** File below {@link programRoot}. */
  main: string;
  /** A directory of packages, such as `@duckdb`, that it imports from. */
  packages?: { name: string; directory: string /** Files whose libraries it needs, too. */; natives: string[] };
}

/** `src`. */
export const programRoot = join(import.meta.dirname, "..", "..");

/** Path of the program on the host, without a sandbox. */
export function programPath({ main }: HostProgram): string {
  return join(programRoot, main);
}
