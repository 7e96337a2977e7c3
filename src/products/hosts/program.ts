import { join } from "node:path";

/** A program that runs in a sandbox of its own: what of ours it may see. */
export interface HostProgram {
  /** Directories below {@link programRoot}. */
  directories: string[];
  /** File below {@link programRoot}. */
  main: string;
  /** What it imports from. */
  packages?: HostPackage[];
}

export interface HostPackage {
  /** Below `node_modules`: a package, or a scope of packages. */
  name: string;
  directory: string;
  /** Its files whose libraries the program needs, too. */
  natives: string[];
}

/** `src`. */
export const programRoot = join(import.meta.dirname, "..", "..");

/** Path of the program on the host, without a sandbox. */
export function programPath({ main }: HostProgram): string {
  return join(programRoot, main);
}
