import { readdirSync, renameSync, rmdirSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { datasetsIn, datesOf, namesIn, segmentName, sortFiles } from "./host/files.ts";

const ACCOUNT = /^[0-9a-f]{32}$/;

export interface Keeping {
  retentionMs: number;
  /** Bytes of an account; what is oldest goes first. */
  maxBytes: number;
  /** Whether points are being appended to a dataset's segments of that day. */
  isOpen(directory: string, date: string): boolean;
  /** Lets go of such a segment. */
  release(directory: string, date: string): Promise<void>;
  log(line: string): void;
}

/** Accounts that have data points. */
export function accountsIn(root: string): string[] {
  try {
    return readdirSync(root).filter((name) => ACCOUNT.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/**
 * Removes days of an account that are too old or too much, and seals segments that an earlier process left. Says whether there is something to pack.
 */
export async function keepAccount(root: string, keeping: Keeping, nowMs: number): Promise<boolean> {
  const oldest = new Date(nowMs - keeping.retentionMs).toISOString().slice(0, 10);
  const today = new Date(nowMs).toISOString().slice(0, 10);
  const days: Day[] = [];
  let isToPack = false;
  for (const dataset of datasetsIn(root)) {
    const directory = join(root, dataset);
    for (const date of datesOf(root, dataset)) {
      const path = join(directory, date);
      if (date < oldest) {
        await rm(path, { recursive: true, force: true });
        continue;
      }
      if (!keeping.isOpen(directory, date)) sealLeft(path);
      const { live, replaced } = sortFiles(namesIn(path));
      const packed = live.filter(({ kind }) => kind === "parquet").length;
      isToPack ||= replaced.length > 0 || live.some(({ kind }) => kind === "seg") || (date < today && packed > 1);
      days.push({ directory, date, bytes: bytesOf(path) });
    }
    removeIfEmpty(directory);
  }
  await removeSurplus(days, keeping, root);
  return isToPack;
}

/** Nobody appends to these any more. */
function sealLeft(directory: string): void {
  for (const { kind, first } of sortFiles(namesIn(directory)).live) {
    if (kind === "open")
      renameSync(join(directory, segmentName(first, "open")), join(directory, segmentName(first, "seg")));
  }
}

interface Day {
  /** Of the dataset. */
  directory: string;
  date: string;
  bytes: number;
}

async function removeSurplus(days: Day[], { maxBytes, release, log }: Keeping, root: string): Promise<void> {
  let bytes = days.reduce((sum, day) => sum + day.bytes, 0);
  if (bytes <= maxBytes) return;
  days.sort((a, b) => (a.date < b.date ? -1 : 1));
  for (const { directory, date, bytes: freed } of days) {
    if (bytes <= maxBytes) break;
    log(`data points of ${date} are removed: ${root} has ${bytes} bytes, and may have ${maxBytes}`);
    await release(directory, date);
    await rm(join(directory, date), { recursive: true, force: true });
    bytes -= freed;
  }
}

function bytesOf(directory: string): number {
  return namesIn(directory).reduce(
    (sum, name) => sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // It has something in it.
  }
}
