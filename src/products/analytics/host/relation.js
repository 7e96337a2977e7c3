// @ts-check
/** SQL of the rows in files. */

import { quoted } from "../../segments/host/quoted.ts";
import { InvalidQuery } from "./sql/invalid-query.js";
import { COLUMNS, identifier } from "./sql/write.js";

/** Columns that are stored; the dataset is the directory. */
const stored = [...COLUMNS.keys()].filter((name) => name !== "dataset");

/** Fields of a line in a segment: those that were not given are left out. */
const fields = {
  t: "BIGINT",
  n: "UINTEGER",
  i: "VARCHAR",
  ...Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`b${n + 1}`, "VARCHAR"])),
  ...Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`d${n + 1}`, "DOUBLE"])),
};

/** Bytes of a line: 16,000 of blobs, each written as six at most. */
const MAX_LINE_BYTES = 256 * 1024;

/** Files as SQL of a list. @param {string[]} paths */
const list = (paths) => `[${paths.map(quoted).join(", ")}]`;

/** Rows of segments, of which the last line may not be whole. @param {string[]} paths */
export function segmentRows(paths) {
  const values = [
    `make_timestamp(t * 1000000) AS ${identifier("timestamp")}`,
    "coalesce(n, 1::UINTEGER) AS _sample_interval",
    "coalesce(i, '') AS index1",
    ...Array.from({ length: 20 }, (_, n) => `coalesce(b${n + 1}, '') AS blob${n + 1}`),
    ...Array.from({ length: 20 }, (_, n) => `coalesce(d${n + 1}, 0) AS double${n + 1}`),
  ];
  const columns = Object.entries(fields).map(([name, type]) => `${name}: '${type}'`);
  return (
    `SELECT ${values.join(", ")} FROM read_json(${list(paths)}, columns = {${columns.join(", ")}}, ` +
    `format = 'newline_delimited', ignore_errors = true, maximum_object_size = ${MAX_LINE_BYTES}) WHERE t IS NOT NULL`
  );
}

/** @param {string[]} paths */
export function packedRows(paths) {
  return `SELECT ${stored.map(identifier).join(", ")} FROM read_parquet(${list(paths)})`;
}

/** All rows of a dataset, as something to select from. @param {string} dataset @param {{ packed: string[], segments: string[] }} files */
export function rowsOf(dataset, { packed, segments }) {
  const parts = [
    ...(packed.length > 0 ? [packedRows(packed)] : []),
    ...(segments.length > 0 ? [segmentRows(segments)] : []),
  ];
  if (parts.length === 0) throw new InvalidQuery(`the dataset ${JSON.stringify(dataset)} has no data any more.`);
  return `(SELECT ${quoted(dataset)} AS dataset, * FROM (${parts.join(" UNION ALL ")}))`;
}

/** Of packed files: the rows of a row group, the unit that a query can skip. */
export const format = "ROW_GROUP_SIZE 122880";
