import { readdirSync, renameSync, rmdirSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type DataFile, datesOf, namesIn, segmentName, sortFiles, streamsIn } from "./host/files.ts";

const ACCOUNT = /^[0-9a-f]{32}$/;

export interface Keeping {
  retentionMs: number;
  /** Bytes of an account; what is oldest goes first. */
  maxBytes: number;
  /** Whether rows are being appended to a stream's segments of that day. */
  isOpen(directory: string, date: string): boolean;
  /** Lets go of such a segment. */
  release(directory: string, date: string): Promise<void>;
  log(line: string): void;
}

/** Accounts that have rows. */
export function accountsIn(root: string): string[] {
  try {
    return readdirSync(root).filter((name) => ACCOUNT.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/**
 * Removes days of an account that are too old and files that are too much, and seals segments that an earlier process left.
 * Says whether there is something to pack.
 */
export async function keepAccount(root: string, keeping: Keeping, nowMs: number): Promise<boolean> {
  const oldest = new Date(nowMs - keeping.retentionMs).toISOString().slice(0, 10);
  const today = new Date(nowMs).toISOString().slice(0, 10);
  const kept: KeptFile[] = [];
  let isToPack = false;
  for (const stream of streamsIn(root)) {
    const directory = join(root, stream);
    for (const date of datesOf(root, stream)) {
      const path = join(directory, date);
      if (date < oldest) {
        await rm(path, { recursive: true, force: true });
        continue;
      }
      if (!keeping.isOpen(directory, date)) sealLeft(path);
      const { live, replaced } = sortFiles(namesIn(path));
      const packed = live.filter(({ kind }) => kind === "parquet").length;
      isToPack ||= replaced.length > 0 || live.some(({ kind }) => kind === "seg") || (date < today && packed > 1);
      kept.push(...live.map((file) => ({ directory, date, file, bytes: bytesOf(join(path, file.name)) })));
      removeIfEmpty(path);
    }
    removeIfEmpty(directory);
  }
  await removeSurplus(kept, keeping, root);
  return isToPack;
}

/** Nobody appends to these any more. */
function sealLeft(directory: string): void {
  for (const { kind, first } of sortFiles(namesIn(directory)).live) {
    if (kind === "open")
      renameSync(join(directory, segmentName(first, "open")), join(directory, segmentName(first, "seg")));
  }
}

interface KeptFile {
  /** Of the stream. */
  directory: string;
  date: string;
  file: DataFile;
  bytes: number;
}

/** Oldest days first, and of a day the files that were written first. */
async function removeSurplus(kept: KeptFile[], { maxBytes, release, log }: Keeping, root: string): Promise<void> {
  let bytes = kept.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes <= maxBytes) return;
  log(`the oldest rows are removed: ${root} has ${bytes} bytes, and may have ${maxBytes}`);
  kept.sort((a, b) => (a.date === b.date ? a.file.first - b.file.first : a.date < b.date ? -1 : 1));
  for (const { directory, date, file, bytes: freed } of kept) {
    if (bytes <= maxBytes) break;
    const names = [file.name];
    if (file.kind === "open") {
      await release(directory, date);
      names.push(segmentName(file.first, "seg"));
    }
    for (const name of names) await rm(join(directory, date, name), { force: true });
    bytes -= freed;
  }
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // It has something in it.
  }
}
