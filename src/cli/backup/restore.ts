import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { paths } from "../../domain/paths.ts";
import { syncDirectory } from "../../lib/durable-file.ts";
import { type DirectoryLock, lockDirectory } from "../../supervisor/lock.ts";
import { CommandError } from "../command.ts";
import type { BackupHeader } from "./format.ts";
import { unpack } from "./unpack.ts";

export interface RestoredBackup extends BackupHeader {
  files: number;
  bytes: number;
  /** Where the data is now that was there before. */
  aside?: string;
}

/** Files of a lock: they tell nothing about whether there is data. */
const lockFiles = (dataDir: string) => {
  const name = basename(paths({ dataDir, runDir: dataDir }).lock);
  return new Set(["", "-journal", "-wal", "-shm", ".pid"].map((suffix) => name + suffix));
};

/**
 * Puts a backup in the place of a data directory that is missing or empty, or with `force` of one that has data, which is
 * moved aside. Nothing is put there before all of it is unpacked, checked and on disk. Throws {@link CommandError}, or
 * ConfigError when a platform runs there.
 */
export async function restoreBackup(file: string, dataDir: string, force: boolean): Promise<RestoredBackup> {
  if (!existsSync(file)) throw new CommandError(`There is no file ${file}.`);
  // Held to the end, so that no platform starts on what is about to be replaced.
  const lock = existsSync(dataDir) ? lockDirectory(dataDir, paths({ dataDir, runDir: dataDir }).lock) : undefined;
  try {
    if (!force && present(dataDir).length > 0) {
      throw new CommandError(
        `${dataDir} has data. Restore to another directory (--data DIR), or move this one aside with --force.`,
      );
    }
    return await replace(file, dataDir, lock);
  } finally {
    lock?.release();
  }
}

/** Entries that may be data. */
function present(dataDir: string): string[] {
  if (!existsSync(dataDir)) return [];
  const ignored = lockFiles(dataDir);
  return readdirSync(dataDir).filter((name) => !ignored.has(name));
}

async function replace(file: string, dataDir: string, lock: DirectoryLock | undefined): Promise<RestoredBackup> {
  const stamp = `${new Date().toISOString().replace(/[-:]|\..*/g, "")}-${randomBytes(3).toString("hex")}`;
  const beside = isReplaceable(dataDir);
  const staging = beside ? `${dataDir}.restoring-${stamp}` : join(dataDir, `restoring-${stamp}`);
  const aside = beside ? `${dataDir}.before-restore-${stamp}` : join(dataDir, `before-restore-${stamp}`);
  mkdirSync(staging, { recursive: true, mode: 0o700 });
  let placing = false;
  try {
    const unpacked = await unpack(file, staging);
    placing = !beside;
    const moved = present(dataDir).some((name) => join(dataDir, name) !== staging);
    if (beside) swap(dataDir, staging, aside, moved);
    else await exchangeContents(dataDir, staging, aside, moved);
    await syncDirectory(dirname(dataDir));
    return moved ? { ...unpacked, aside } : unpacked;
  } catch (error) {
    if (placing) {
      throw new CommandError(
        `The restore broke off while files were put in place (${String(error)}): some are in ${staging} still, what was there is in ${aside}. Run it again with --force.`,
      );
    }
    rmSync(staging, { recursive: true, force: true });
    throw error instanceof CommandError ? error : new CommandError(`Nothing was restored: ${String(error)}`);
  } finally {
    lock?.release();
  }
}

/** Whether the directory itself can be replaced: a mount point (a container's volume) cannot. */
function isReplaceable(dataDir: string): boolean {
  const parent = dirname(dataDir);
  return !existsSync(dataDir) || !existsSync(parent) || statSync(dataDir).dev === statSync(parent).dev;
}

/** One rename puts everything in place. */
function swap(dataDir: string, staging: string, aside: string, moved: boolean): void {
  if (moved) renameSync(dataDir, aside);
  else if (existsSync(dataDir)) {
    for (const name of lockFiles(dataDir)) rmSync(join(dataDir, name), { force: true });
    rmdirSync(dataDir);
  }
  try {
    renameSync(staging, dataDir);
  } catch (error) {
    if (moved) renameSync(aside, dataDir);
    throw error;
  }
}

/**
 * For a directory that has to stay: entry by entry, the database first and its key last, because a start refuses a
 * database whose key is missing. So a part is never taken for the whole.
 */
async function exchangeContents(dataDir: string, staging: string, aside: string, moved: boolean): Promise<void> {
  const files = paths({ dataDir, runDir: dataDir });
  const [first, last] = [basename(files.database), basename(files.masterKey)];
  if (moved) {
    mkdirSync(aside, { mode: 0o700 });
    for (const name of present(dataDir)) {
      const path = join(dataDir, name);
      if (path !== staging && path !== aside) renameSync(path, join(aside, name));
    }
  }
  const between = readdirSync(staging).filter((name) => name !== first && name !== last);
  for (const name of [first, ...between, last]) {
    renameSync(join(staging, name), join(dataDir, name));
    await syncDirectory(dataDir);
  }
  rmdirSync(staging);
}
