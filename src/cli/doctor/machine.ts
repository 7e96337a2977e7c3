import { execFile } from "node:child_process";
import { lookup } from "node:dns/promises";
import { readFileSync, statfsSync } from "node:fs";

/** What a program answered. `code` is undefined when it did not start. */
export interface ProgramResult {
  code: number | undefined;
  stdout: string;
  stderr: string;
}

/** What the checks see of the machine; tests give one that lies. */
export interface Machine {
  platform: string;
  nodeVersion: string;
  now(): number;
  run(file: string, args: string[]): Promise<ProgramResult>;
  /** Content of a text file, or undefined when it cannot be read. */
  read(path: string): string | undefined;
  /** Addresses of a name; empty when the system does not resolve it. */
  resolve(name: string): Promise<string[]>;
  freeBytes(directory: string): number;
  /** JSON of a URL with its HTTP status, or undefined when nothing answers. */
  get(url: string, headers?: Record<string, string>): Promise<{ status: number } | undefined>;
}

const TIMEOUT_MS = 10_000;

export const realMachine: Machine = {
  platform: process.platform,
  nodeVersion: process.versions.node,
  now: Date.now,
  run: (file, args) =>
    new Promise((resolve) => {
      execFile(file, args, { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
        // A number is an exit code; a text such as ENOENT says why it did not start.
        const code = error ? (typeof error.code === "number" ? error.code : undefined) : 0;
        resolve({ code, stdout, stderr: stderr || (error?.message ?? "") });
      });
    }),
  read: (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
  resolve: async (name) => {
    try {
      return (await lookup(name, { all: true })).map(({ address }) => address);
    } catch {
      return [];
    }
  },
  freeBytes: (directory) => {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  },
  get: async (url, headers = {}) => {
    try {
      const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
      await response.body?.cancel();
      return { status: response.status };
    } catch {
      return undefined;
    }
  },
};
