import { closeSync, existsSync, fsyncSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Check, Finding } from "./check.ts";

/** Below this, writes may fail at any time. */
const FAIL_FREE_BYTES = 100e6;
/** Below this, a few large deployments fill it. */
const WARN_FREE_BYTES = 1e9;
/** A deploy makes about ten durable writes; beyond this they are felt. */
const WARN_FSYNC_MS = 20;
/** Larger differences between the disk's clock and ours come from a network file system with a wrong clock. */
const WARN_CLOCK_MS = 5_000;
const FSYNC_ROUNDS = 7;

/** The data directory, or the nearest one above it where it will be made. */
function existing(directory: string): string {
  return existsSync(directory) ? directory : existing(dirname(directory));
}

/** Writes as the platform will: into the data directory, synced to the disk. */
export const checkDisk: Check = (config, machine): Finding => {
  const name = "disk";
  const directory = existing(config.dataDir);
  const where = directory === config.dataDir ? directory : `${directory} (${config.dataDir} will be made)`;
  let probe: { fsyncMs: number; clockMs: number };
  try {
    probe = probeDirectory(directory, machine.now);
  } catch (error) {
    return {
      name,
      status: "fail",
      message: `${where} cannot be written: ${(error as Error).message}`,
      mend: `sudo chown -R "$USER" ${directory}, or FREEHOLD_DATA=<another directory>`,
    };
  }
  const free = machine.freeBytes(directory);
  const facts = `${where}: ${gigabytes(free)} free, fsync ${probe.fsyncMs.toFixed(1)} ms`;
  if (free < WARN_FREE_BYTES) {
    return {
      name,
      status: free < FAIL_FREE_BYTES ? "fail" : "warn",
      message: `${facts}: deployments and data will fill it`,
      mend: "free some space, or FREEHOLD_DATA=<a directory on a larger disk>",
    };
  }
  if (probe.fsyncMs > WARN_FSYNC_MS) {
    return {
      name,
      status: "warn",
      message: `${facts}: every deploy and every write waits for it`,
      mend: "FREEHOLD_DATA=<a directory on a local SSD>",
    };
  }
  if (probe.clockMs > WARN_CLOCK_MS) {
    return {
      name,
      status: "warn",
      message: `${facts}; its times differ from the clock by ${Math.round(probe.clockMs / 1000)} s, so it is another machine's disk: SQLite needs a local one`,
      mend: "FREEHOLD_DATA=<a directory on a local disk>",
    };
  }
  return { name, status: "ok", message: facts };
};

/** Median time of a small synced write, and how far the file's time is from the clock. */
function probeDirectory(directory: string, now: () => number): { fsyncMs: number; clockMs: number } {
  const temporary = mkdtempSync(join(directory, ".doctor-"));
  try {
    const file = openSync(join(temporary, "probe"), "w");
    const times: number[] = [];
    for (let round = 0; round < FSYNC_ROUNDS; round++) {
      const start = performance.now();
      writeSync(file, "freehold");
      fsyncSync(file);
      times.push(performance.now() - start);
    }
    closeSync(file);
    times.sort((a, b) => a - b);
    return {
      fsyncMs: times[Math.floor(times.length / 2)] ?? 0,
      clockMs: Math.abs(statSync(join(temporary, "probe")).mtimeMs - now()),
    };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
