// @ts-check
import { closeSync, fsyncSync, openSync, renameSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { datesOf, namesIn, packedName, sortFiles, streamsIn } from "./files.ts";
import { MERGED_BYTES, MERGED_FILES } from "./limits.js";
import { quoted } from "./quoted.js";

/** @typedef {import("@duckdb/node-api").DuckDBConnection} Connection */
/** @typedef {import("./files.ts").DataFile} DataFile */
/**
 * SQL of the rows in files of either kind, with the same columns, and the settings of a packed file.
 * @typedef {{ segmentRows(paths: string[]): string, packedRows(paths: string[]): string, format: string }} Rows
 */

/**
 * Packs one day of one stream that has something to pack; says whether there was one.
 * @param {Connection} connection
 * @param {string} root
 * @param {string} today Its segments may still be written to.
 * @param {Rows} rows
 */
export async function packNext(connection, root, today, rows) {
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

/**
 * Full segments, with the packed files before them that are small once there are many: all that lie in their range.
 * @param {string} directory
 * @param {DataFile[]} live
 * @param {boolean} isPast
 */
function toPack(directory, live, isPast) {
  const full = live.filter(({ kind }) => kind === "seg");
  const [first] = full;
  const before = live.filter((file) => file.kind === "parquet" && (first === undefined || file.last < first.first));
  const isLarge = (/** @type {DataFile} */ { name }) => statSync(join(directory, name)).size >= MERGED_BYTES;
  const small = before.slice(before.findLastIndex(isLarge) + 1);
  if (small.length >= MERGED_FILES || (isPast && small.length > 1)) return [...small, ...full];
  return full;
}

/** @param {Connection} connection @param {string} directory @param {DataFile[]} files In order. @param {Rows} rows */
async function pack(connection, directory, files, { packedRows, segmentRows, format }) {
  const paths = (/** @type {boolean} */ packed) =>
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

/** @param {string} path */
function sync(path) {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** @param {string} path */
function remove(path) {
  try {
    unlinkSync(path);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOENT") throw error;
  }
}
