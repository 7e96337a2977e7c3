/**
 * Files of an account's rows: `<stream>/<YYYY-MM-DD>/<file>`; a stream of Analytics Engine is a dataset. New rows are appended
 * to `<id>.open`, which becomes `<id>.seg` when it is full; segments are packed into `<first>-<last>.parquet`, which stands for
 * all files with ids in that range. So a crash between making one and removing the others leaves nothing that would be counted twice.
 */
import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";

export interface DataFile {
  name: string;
  /** Ids that it stands for. */
  first: number;
  last: number;
  kind: "open" | "seg" | "parquet";
}

/** Name of a stream, which may be part of a path. */
export const STREAM = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,127}$/;
const DATE = /^\d{4}-\d\d-\d\d$/;
const FILE = /^(\d{8})(?:-(\d{8}))?\.(open|seg|parquet)$/;

export const segmentName = (id: number, kind: "open" | "seg") => `${digits(id)}.${kind}`;
export const packedName = (first: number, last: number) => `${digits(first)}-${digits(last)}.parquet`;
const digits = (id: number) => String(id).padStart(8, "0");

/** Those of a directory that count, in order, and those that another stands for. */
export function sortFiles(names: string[]): { live: DataFile[]; replaced: DataFile[] } {
  const files = names.flatMap((name): DataFile[] => {
    const [, first, last = first, kind] = FILE.exec(name) ?? [];
    if (first === undefined || (kind === "parquet") !== name.includes("-")) return [];
    return [{ name, first: Number(first), last: Number(last), kind: kind as DataFile["kind"] }];
  });
  const packed = files.filter(({ kind }) => kind === "parquet");
  // A backup may have taken a segment both before it was full and after.
  const full = new Set(files.flatMap(({ kind, first }) => (kind === "seg" ? [first] : [])));
  const isReplaced = (file: DataFile) =>
    packed.some((other) => other !== file && other.first <= file.first && file.last <= other.last) ||
    (file.kind === "open" && full.has(file.first));
  return {
    live: files.filter((file) => !isReplaced(file)).sort((a, b) => a.first - b.first),
    replaced: files.filter(isReplaced),
  };
}

export function streamsIn(root: string): string[] {
  return directories(root).filter((name) => STREAM.test(name));
}

export function datesOf(root: string, stream: string): string[] {
  return directories(join(root, stream)).filter((name) => DATE.test(name));
}

/** Paths of a stream's files that count, oldest first, of days that are not before `since` (`YYYY-MM-DD`). */
export function filesOf(root: string, stream: string, since = ""): { packed: string[]; segments: string[] } {
  const found = { packed: [] as string[], segments: [] as string[] };
  for (const date of datesOf(root, stream)) {
    if (date < since) continue;
    const directory = join(root, stream, date);
    for (const { name, kind } of sortFiles(namesIn(directory)).live) {
      (kind === "parquet" ? found.packed : found.segments).push(join(directory, name));
    }
  }
  return found;
}

/** Empty when there is no such directory (any more). */
export function namesIn(directory: string): string[] {
  return ifPresent(() => readdirSync(directory));
}

function directories(path: string): string[] {
  return ifPresent((): Dirent[] => readdirSync(path, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

function ifPresent<Entry>(read: () => Entry[]): Entry[] {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
