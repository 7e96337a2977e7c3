/** Objects as they lie on disk: `<namespace>/<id>.sqlite`, with their logs while they are in use (`workerd-bindings.md` 4.16). */
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { isPlainDatabase } from "../../lib/plain-files.ts";
import { EMPTY_FILE_BYTES, MAX_SCANNED_FILES } from "./limits.ts";

const OBJECT_FILE = /^([0-9a-f]{64})\.sqlite$/;

export interface StoredObject {
  id: string;
  hasStoredData: boolean;
}

/** Objects after `after`, in the order of their ids, at most `limit`. A namespace without a directory has none. */
export async function listObjects(
  directory: string,
  { after, limit }: { after: string; limit: number },
): Promise<{ objects: StoredObject[]; more: boolean }> {
  // The smallest ids that were seen so far, at most twice what is asked for: a directory has no order.
  let smallest: string[] = [];
  for await (const name of fileNames(directory)) {
    const id = OBJECT_FILE.exec(name)?.[1];
    if (id === undefined || id <= after) continue;
    smallest.push(id);
    if (smallest.length > 2 * limit + 1) smallest = smallest.sort().slice(0, limit + 1);
  }
  const ids = smallest.sort().slice(0, limit + 1);
  const objects: StoredObject[] = [];
  for (const id of ids.slice(0, limit)) objects.push({ id, hasStoredData: await hasData(directory, id) });
  return { objects, more: ids.length > limit };
}

/** Objects and bytes of a namespace, logs and indexes included. `complete` is false beyond a million files. */
export async function measure(directory: string): Promise<{ objects: number; bytes: number; complete: boolean }> {
  let [objects, bytes, files] = [0, 0, 0];
  for await (const name of fileNames(directory)) {
    files++;
    if (OBJECT_FILE.test(name)) objects++;
    bytes += await size(join(directory, name));
  }
  return { objects, bytes, complete: files < MAX_SCANNED_FILES };
}

/** The file of an object, or undefined when it never wrote anything, or has something else in its place. */
export async function objectFile(directory: string, id: string): Promise<string | undefined> {
  const file = join(directory, `${id}.sqlite`);
  const hasContent = (await size(file)) > 0 || (await size(`${file}-wal`)) > 0;
  return hasContent && isPlainDatabase(file) ? file : undefined;
}

async function* fileNames(directory: string): AsyncGenerator<string> {
  let entries: Awaited<ReturnType<typeof opendir>>;
  try {
    entries = await opendir(directory, { bufferSize: 1000 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  let count = 0;
  for await (const entry of entries) {
    if (++count > MAX_SCANNED_FILES) return;
    yield entry.name;
  }
}

async function hasData(directory: string, id: string): Promise<boolean> {
  const file = join(directory, `${id}.sqlite`);
  return (await size(file)) > EMPTY_FILE_BYTES || (await size(`${file}-wal`)) > 0;
}

/** Bytes; 0 for a file that is gone. Of a link its own: a runner can make one to anywhere. */
async function size(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  return found?.size ?? 0;
}
