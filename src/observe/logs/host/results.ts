/** Rows of the engine. */
import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import { filesOf } from "../../../products/segments/host/files.ts";
import { MAX_ATTEMPTS, MAX_RESULT_BYTES, MEMORY_MB } from "../../../products/segments/host/limits.ts";
import { Refusal } from "../../../products/segments/host/refusal.ts";
import { EVENTS } from "./columns.ts";
import { rowsOf } from "./rows.ts";

export type Row = Record<string, string | number | boolean | null>;

/** Asks the engine; `sql` is given what to select from. */
export type Ask = (sql: (from: string) => string) => Promise<Row[]>;

/** Asks over the files of days from `sinceMs` on: an event is never stored on a day before its own. */
export function asker(connection: DuckDBConnection, root: string, sinceMs: number): Ask {
  const since = new Date(Math.max(0, sinceMs)).toISOString().slice(0, 10);
  return async (sql) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run(connection, sql(rowsOf(filesOf(root, EVENTS, since))));
      } catch (error) {
        if (error instanceof Refusal) throw error;
        const message = error instanceof Error ? error.message : String(error);
        // Files were packed or have expired since they were listed.
        if (attempt < MAX_ATTEMPTS && /^IO Error/.test(message)) continue;
        throw failure(message);
      }
    }
  };
}

async function run(connection: DuckDBConnection, sql: string): Promise<Row[]> {
  const result = await connection.stream(sql);
  const names = result.columnNames();
  const rows: Row[] = [];
  let bytes = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return rows;
    const columns = names.map((_, index) => chunk.getColumnValues(index));
    for (let at = 0; at < chunk.rowCount; at++) {
      const row: Row = {};
      names.forEach((name, index) => {
        const value = plain(columns[index]?.[at]);
        row[name] = value;
        if (typeof value === "string") bytes += value.length;
      });
      rows.push(row);
    }
    if (bytes > MAX_RESULT_BYTES) {
      throw new Refusal(
        `the answer is too large: it may have ${MAX_RESULT_BYTES / 1024 / 1024} MiB. Ask for less at a time, with limit.`,
      );
    }
  }
}

function plain(value: DuckDBValue | undefined): Row[string] {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  // Sums of whole numbers are wider than 64 bits.
  return value === null || value === undefined ? null : Number(String(value));
}

/** What the engine says about a query, as far as it is about the query. */
function failure(message: string): Error {
  if (/^Out of Memory/.test(message)) {
    return new Refusal(
      `the query needs more than ${MEMORY_MB} MiB of memory. Ask for a shorter time, fewer groups or fewer events.`,
    );
  }
  if (/^(Invalid Input|Conversion|Out of Range|Binder|Parser) Error/.test(message)) {
    return new Refusal(message.split("\n")[0] ?? message);
  }
  return new Error(message.split("\n")[0]);
}
