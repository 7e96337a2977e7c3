/** What a key of an event is in SQL. */
import { quoted } from "../../../products/segments/host/quoted.ts";
import { columns, DATASET, type StoredEvent } from "./columns.ts";
import type { ValueType } from "./requests.ts";

/** Keys that are columns. All others are looked for in `source` or `$workers`. */
const columnOf: Readonly<Record<string, keyof StoredEvent>> = {
  timestamp: "t",
  "$metadata.id": "id",
  "$metadata.type": "type",
  "$metadata.level": "level",
  "$metadata.message": "message",
  "$metadata.error": "error",
  "$metadata.trigger": "trigger",
  "$metadata.origin": "origin",
  "$metadata.requestId": "request",
  "$metadata.rayId": "ray",
  "$metadata.service": "service",
  "$metadata.statusCode": "status",
  "$workers.scriptName": "service",
  "$workers.scriptVersion.id": "version",
  "$workers.outcome": "outcome",
  "$workers.eventType": "origin",
  "$workers.requestId": "request",
  "$workers.event.rayId": "ray",
  "$workers.event.response.status": "status",
  "$workers.wallTimeMs": "wall",
  "$workers.cpuTimeMs": "cpu",
};

/** `$metadata` of an event, in the order in which it is answered. */
export const metadataColumns = Object.entries(columnOf).flatMap(([key, column]) =>
  key.startsWith("$metadata.") ? [[key.slice("$metadata.".length), column] as const] : [],
);

const NONE = "NULL::VARCHAR";

/** The value of a key as text; NULL where an event has none. */
export function textOf(key: string, accountId: string): string {
  const column = columnOf[key];
  if (column) return columns[column] === "VARCHAR" ? column : plain(column);
  if (key === "dataset") return quoted(DATASET);
  if (key === "source") return "source";
  if (key === "$metadata.account") return quoted(accountId);
  if (key.startsWith("$metadata.")) return NONE;
  // `$cloudflare` is what the original called it before.
  const workers = /^\$(?:workers|cloudflare)\.(.+)$/s.exec(key)?.[1];
  if (workers !== undefined) return extract("workers", workers.split("."));
  const path = key.startsWith("source.") ? key.slice("source.".length) : key;
  const parts = path.split(".");
  const nested = extract("source", parts);
  return parts.length === 1 ? nested : `coalesce(${nested}, ${extract("source", [path])})`;
}

/** The value of a key as its type; NULL where it is none of that. */
export function typedOf(key: string, type: ValueType, accountId: string): string {
  const column = columnOf[key];
  if (type !== "number") return textOf(key, accountId);
  if (column && columns[column] !== "VARCHAR") return `CAST(${column} AS DOUBLE)`;
  return `TRY_CAST(${textOf(key, accountId)} AS DOUBLE)`;
}

/**
 * What an event that has the key meets, and most others do not: its last name stands in the JSON. To look for a text is ten times
 * quicker than to read JSON. Undefined where that says nothing.
 */
export function hintOf(key: string): string | undefined {
  if (columnOf[key] || key.startsWith("$") || key === "dataset" || key === "source") return undefined;
  const last = key.split(".").at(-1) ?? "";
  // Of a list.
  if (/^\d+$/.test(last)) return undefined;
  // Where the name has dots of its own, it ends like this.
  return `contains(source, ${quoted(`${JSON.stringify(last).slice(1)}:`)})`;
}

/** A number without the `.0` of whole ones. */
function plain(column: string): string {
  return `CASE WHEN ${column} = floor(${column}) THEN CAST(CAST(${column} AS BIGINT) AS VARCHAR) ELSE CAST(${column} AS VARCHAR) END`;
}

/** By a JSON pointer. */
function extract(column: "source" | "workers", parts: readonly string[]): string {
  const pointer = parts.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  return `json_extract_string(${column}, ${quoted(pointer)})`;
}
