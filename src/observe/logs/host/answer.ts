import { readFileSync, statSync } from "node:fs";
import type { DuckDBConnection } from "@duckdb/node-api";
import { filesOf } from "../../../products/segments/host/files.ts";
import { quoted } from "../../../products/segments/host/quoted.ts";
import { calculate } from "./calculate.ts";
import { EVENTS } from "./columns.ts";
import { findEvents, findInvocations } from "./events.ts";
import { listKeys, listValues } from "./list.ts";
import type { LogRequest } from "./requests.ts";
import { type Ask, asker } from "./results.ts";

/** Answers a request over the account's files: `{ result, statistics }`. */
export async function answer(connection: DuckDBConnection, root: string, request: LogRequest): Promise<object> {
  const beganMs = performance.now();
  const result = await resultOf(request, asker(connection, root, request.timeframe.from));
  const elapsed = (performance.now() - beganMs) / 1000;
  return { result, statistics: { elapsed, ...(await readOf(connection, root, request)) } };
}

function resultOf(request: LogRequest, ask: Ask): Promise<object> {
  switch (request.kind) {
    case "events":
      return findEvents(request, ask);
    case "invocations":
      return findInvocations(request, ask);
    case "calculations":
      return calculate(request, ask);
    case "keys":
      return listKeys(request, ask);
    case "values":
      return listValues(request, ask);
  }
}

/** Rows and bytes of the files that were asked. They may change meanwhile: it is to give an idea. */
async function readOf(connection: DuckDBConnection, root: string, { timeframe }: LogRequest) {
  const since = new Date(Math.max(0, timeframe.from)).toISOString().slice(0, 10);
  const { packed, segments } = filesOf(root, EVENTS, since);
  try {
    let rows = segments.reduce((sum, path) => sum + linesIn(path), 0);
    if (packed.length > 0) {
      const sql = `SELECT sum(num_rows) FROM parquet_file_metadata([${packed.map(quoted).join(", ")}])`;
      const [counted] = (await connection.runAndReadAll(sql)).getRows();
      rows += Number(counted?.[0] ?? 0);
    }
    const bytes = [...packed, ...segments].reduce((sum, path) => sum + statSync(path).size, 0);
    return { rows_read: rows, bytes_read: bytes };
  } catch {
    return { rows_read: 0, bytes_read: 0 };
  }
}

function linesIn(path: string): number {
  const bytes = readFileSync(path);
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}
