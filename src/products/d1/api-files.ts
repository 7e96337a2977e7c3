import { constants, type FileHandle, lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { paths } from "../../domain/paths.ts";
import { removeFile } from "../../lib/durable-file.ts";
import type { Platform } from "../../store/platform.ts";
import type { DatabaseKey } from "./api-call.ts";
import { TRANSFER_LIFE_MS } from "./api-limits.ts";

/** Files of imports and exports in a database's directory; `.part` is one that is being received. */
const TRANSFER = /^(import|export)-[0-9a-f-]+\.sql(\.part)?$/;

export function directoryOf(platform: Platform, { accountId, databaseId }: DatabaseKey): string {
  return paths(platform.config).databaseOf(accountId, databaseId);
}

export function pathOf(platform: Platform, key: DatabaseKey, file: string): string {
  return join(directoryOf(platform, key), file);
}

/**
 * Opens a file of a transfer for reading; undefined when there is none. The database's host, which tenants' SQL runs in,
 * can write in that directory: should it ever be taken over, links and pipes that it makes there lead nowhere.
 */
export async function openTransfer(
  platform: Platform,
  key: DatabaseKey,
  file: string,
): Promise<FileHandle | undefined> {
  const directory = await lstat(directoryOf(platform, key)).catch(() => undefined);
  if (!directory?.isDirectory()) return undefined;
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(pathOf(platform, key, file), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => undefined);
  if (!handle || (await handle.stat()).isFile()) return handle;
  await handle.close();
  return undefined;
}

/** Removes what imports and exports left behind: their addresses have expired, or nobody came for them. */
export async function removeStaleFiles(platform: Platform, key: DatabaseKey): Promise<void> {
  for (const name of await readdir(directoryOf(platform, key)).catch(() => [])) {
    if (!TRANSFER.test(name)) continue;
    const path = pathOf(platform, key, name);
    const changedMs = (await lstat(path).catch(() => undefined))?.mtimeMs ?? 0;
    if (Date.now() - changedMs > TRANSFER_LIFE_MS) await removeFile(path);
  }
}

/** Removes a file when its address has expired, unless the process ends before: then the next transfer does. */
export function removeLater(path: string): void {
  setTimeout(() => void removeFile(path).catch(() => {}), TRANSFER_LIFE_MS).unref();
}
