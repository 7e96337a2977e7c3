/** SQL of the rows in files (`products/segments/host/pack.ts` packs them). */
import { quoted } from "../../../products/segments/host/quoted.ts";
import { columns } from "./columns.ts";

/** Of an invocation's 256 KB one event may have all, written twice and escaped. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

const names = Object.keys(columns).join(", ");
const types = Object.entries(columns)
  .map(([name, type]) => `${name}: '${type}'`)
  .join(", ");
const list = (paths: readonly string[]) => `[${paths.map(quoted).join(", ")}]`;

/** Rows of segments, of which the last line may not be whole. */
export function segmentRows(paths: readonly string[]): string {
  return (
    `SELECT ${names} FROM read_json(${list(paths)}, columns = {${types}}, format = 'newline_delimited', ` +
    `ignore_errors = true, maximum_object_size = ${MAX_LINE_BYTES}) WHERE id IS NOT NULL`
  );
}

export function packedRows(paths: readonly string[]): string {
  return `SELECT ${names} FROM read_parquet(${list(paths)})`;
}

/** Of packed files: rows of a row group. Texts may be long, so it is small: the engine has them all in memory when it writes. */
export const format = "ROW_GROUP_SIZE 8192, ROW_GROUP_SIZE_BYTES '32MB'";

/** What the engine needs for that, run before it is locked. */
export const statements = ["set preserve_insertion_order = false"];

/** All rows, as something to select from. */
export function rowsOf({ packed, segments }: { packed: string[]; segments: string[] }): string {
  const parts = [
    ...(packed.length > 0 ? [packedRows(packed)] : []),
    ...(segments.length > 0 ? [segmentRows(segments)] : []),
  ];
  if (parts.length > 0) return `(${parts.join(" UNION ALL ")})`;
  const none = Object.entries(columns).map(([name, type]) => `NULL::${type} AS ${name}`);
  return `(SELECT ${none.join(", ")} WHERE false)`;
}
