import type { D1DatabaseRow } from "../../store/schema.ts";
import type { D1Rows } from "./operations.ts";
import { settingsOf } from "./store.ts";

/** A database in a list. */
export function presentDatabase(row: D1DatabaseRow): Record<string, unknown> {
  return {
    uuid: row.id,
    name: row.name,
    // "alpha" would make the client refuse Time Travel.
    version: "production",
    created_at: row.created_on,
    jurisdiction: settingsOf(row).jurisdiction ?? null,
  };
}

/** A database by itself; `info` only when its host could be asked. */
export function presentDetails(
  row: D1DatabaseRow,
  info: { fileBytes: number; tables: number } | undefined,
): Record<string, unknown> {
  return {
    ...presentDatabase(row),
    ...(info && { file_size: info.fileBytes, num_tables: info.tables }),
    read_replication: { mode: settingsOf(row).readReplication },
  };
}

/** Rows as objects, as `query` answers them. Of columns with the same name the last one wins, as in the original. */
export function presentObjects({ columns, rows, meta }: D1Rows): Record<string, unknown> {
  const results = rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])));
  return { results, success: true, meta };
}

/** Rows as arrays, as `raw` answers them. */
export function presentArrays({ columns, rows, meta }: D1Rows): Record<string, unknown> {
  return { results: { columns, rows }, success: true, meta };
}
