import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ConfigError } from "../domain/config.ts";

/** Ownership of a data directory; ends with {@link DirectoryLock.release} or with the process. */
export interface DirectoryLock {
  release(): void;
}

/**
 * Takes a data directory for this process. The lock is an exclusive SQLite transaction, that is a POSIX lock:
 * the kernel drops it with the process, so a killed supervisor leaves nothing to clean up.
 * Throws {@link ConfigError} when another process has it, or when it cannot be written.
 */
export function lockDirectory(dataDir: string, lockFile: string): DirectoryLock {
  // Beside the lock, for people only: the lock itself cannot be read while it is held.
  const ownerFile = `${lockFile}.pid`;
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(lockFile), { recursive: true, mode: 0o700 });
    database = new DatabaseSync(lockFile, { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
    writeFileSync(ownerFile, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    database?.close();
    throw new ConfigError(isLocked(error) ? inUse(dataDir, ownerFile) : unusable(dataDir, error));
  }
  return held(database);
}

function held(database: DatabaseSync): DirectoryLock {
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}

function inUse(dataDir: string, ownerFile: string): string {
  return (
    `${dataDir} is in use by another Freehold (process ${owner(ownerFile)}). ` +
    "Stop that one, or set FREEHOLD_DATA to another directory."
  );
}

function unusable(dataDir: string, error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  return `${dataDir} cannot be used as data directory: ${why}. Set FREEHOLD_DATA to a directory that this user may write to.`;
}

const SQLITE_BUSY = 5;

function isLocked(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}

function owner(ownerFile: string): string {
  try {
    return readFileSync(ownerFile, "utf8").trim() || "unknown";
  } catch {
    return "unknown";
  }
}
