import { constants, type FileHandle, lstat, open, readdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import { paths } from "../../domain/paths.ts";
import { removeFile } from "../../lib/durable-file.ts";
import type { Platform } from "../../store/platform.ts";
import type { DatabaseKey } from "./api-call.ts";
import { MIN_FREE_BYTES, MIN_FREE_SHARE, TRANSFER_LIFE_MS } from "./api-limits.ts";
import { databaseNotFound, diskFull } from "./errors.ts";

/** Files of imports and exports in a database's directory; `.part` is one that is being received. */
const TRANSFER = /^(import|export)-[0-9a-f-]+\.sql(\.part)?$/;

export function directoryOf(platform: Platform, { accountId, databaseId }: DatabaseKey): string {
  return paths(platform.config).databaseOf(accountId, databaseId);
}

export function pathOf(platform: Platform, key: DatabaseKey, file: string): string {
  return join(directoryOf(platform, key), file);
}

/**
 * Whether the database has a directory. The account's host, which tenants' SQL runs in, can write all around it: should it
 * ever be taken over, links that it makes there lead nowhere.
 */
async function hasDirectory(platform: Platform, key: DatabaseKey): Promise<boolean> {
  return (await lstat(directoryOf(platform, key)).catch(() => undefined))?.isDirectory() ?? false;
}

async function transfersOf(platform: Platform, key: DatabaseKey): Promise<string[]> {
  if (!(await hasDirectory(platform, key))) return [];
  const names = await readdir(directoryOf(platform, key)).catch(() => []);
  return names.filter((name) => TRANSFER.test(name));
}

/** Throws error 7404 unless there is a directory that files can be put in. */
export async function requireDirectory(platform: Platform, key: DatabaseKey): Promise<void> {
  if (!(await hasDirectory(platform, key))) throw databaseNotFound(key.databaseId);
}

/** Throws error 7500 (HTTP 507) when the disk would have too little room left with `bytes` more on it. */
export async function requireRoom(platform: Platform, bytes: number): Promise<void> {
  const { bsize, blocks, bavail } = await statfs(platform.config.dataDir);
  if (bavail * bsize - bytes < Math.min(MIN_FREE_BYTES, blocks * bsize * MIN_FREE_SHARE)) throw diskFull();
}

/** Opens a file of a transfer for reading, and no link or pipe in its place; undefined when there is none. */
export async function openTransfer(
  platform: Platform,
  key: DatabaseKey,
  file: string,
): Promise<FileHandle | undefined> {
  if (!(await hasDirectory(platform, key))) return undefined;
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(pathOf(platform, key, file), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => undefined);
  if (!handle || (await handle.stat()).isFile()) return handle;
  await handle.close();
  return undefined;
}

/** Removes what imports and exports left behind: their addresses have expired, or nobody came for them. */
export async function removeStaleFiles(platform: Platform, key: DatabaseKey): Promise<void> {
  for (const name of await transfersOf(platform, key)) {
    const path = pathOf(platform, key, name);
    const changedMs = (await lstat(path).catch(() => undefined))?.mtimeMs ?? 0;
    if (Date.now() - changedMs > TRANSFER_LIFE_MS) await removeFile(path);
  }
}

/** Removes earlier exports of the database: there is one at a time. */
export async function removeOtherExports(platform: Platform, key: DatabaseKey, file: string): Promise<void> {
  for (const name of await transfersOf(platform, key)) {
    if (name.startsWith("export-") && name !== file) await removeFile(pathOf(platform, key, name));
  }
}

/** Removes a file when its address has expired, unless the process ends before: then the next transfer does. */
export function removeLater(path: string): void {
  setTimeout(() => void removeFile(path).catch(() => {}), TRANSFER_LIFE_MS).unref();
}
