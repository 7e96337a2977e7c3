import { closeSync, fsyncSync, openSync, renameSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { type DataFile, datesOf, namesIn, packedName, sortFiles, streamsIn } from "./files.ts";
import { MERGED_BYTES, MERGED_FILES } from "./limits.ts";
import { quoted } from "./quoted.ts";

/** SQL of the rows in files of either kind, with the same columns, and the settings of a packed file. */
export interface Rows {
  segmentRows(paths: string[]): string;
  packedRows(paths: string[]): string;
  format: string;
}

/**
 * Packs one day of one stream that has something to pack; says whether there was one.
 * @param today Its segments may still be written to.
 */
export async function packNext(
  connection: DuckDBConnection,
  root: string,
  today: string,
  rows: Rows,
): Promise<boolean> {
  for (const stream of streamsIn(root)) {
    for (const date of datesOf(root, stream)) {
      const directory = join(root, stream, date);
      const { live, replaced } = sortFiles(namesIn(directory));
      for (const { name } of replaced) remove(join(directory, name));
      const files = toPack(directory, live, date < today);
      if (files.length === 0) continue;
      await pack(connection, directory, files, rows);
      return true;
    }
  }
  return false;
}

/** Full segments, with the packed files before them that are small once there are many: all that lie in their range. */
function toPack(directory: string, live: DataFile[], isPast: boolean): DataFile[] {
  const full = live.filter(({ kind }) => kind === "seg");
  const [first] = full;
  const before = live.filter((file) => file.kind === "parquet" && (first === undefined || file.last < first.first));
  const isLarge = ({ name }: DataFile) => statSync(join(directory, name)).size >= MERGED_BYTES;
  const small = before.slice(before.findLastIndex(isLarge) + 1);
  if (small.length >= MERGED_FILES || (isPast && small.length > 1)) return [...small, ...full];
  return full;
}

/** @param files In order. */
async function pack(
  connection: DuckDBConnection,
  directory: string,
  files: DataFile[],
  { packedRows, segmentRows, format }: Rows,
): Promise<void> {
  const paths = (packed: boolean) =>
    files.filter(({ kind }) => (kind === "parquet") === packed).map(({ name }) => join(directory, name));
  const [old, segments] = [paths(true), paths(false)];
  const rows = [...(old.length > 0 ? [packedRows(old)] : []), ...(segments.length > 0 ? [segmentRows(segments)] : [])];
  const name = packedName(files[0]?.first ?? 0, files.at(-1)?.last ?? 0);
  const draft = join(directory, `${name}.tmp`);
  await connection.run(
    `COPY (${rows.join(" UNION ALL ")}) TO ${quoted(draft)} (FORMAT parquet, COMPRESSION zstd, ${format})`,
  );
  sync(draft);
  renameSync(draft, join(directory, name));
  sync(directory);
  for (const file of files) if (file.name !== name) remove(join(directory, file.name));
}

function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
