/** Which keys events have, and which values a key. */
import { Refusal } from "../../../products/segments/host/refusal.ts";
import { DATASET, type StoredEvent } from "./columns.ts";
import { conditionOf } from "./conditions.ts";
import { metadataColumns, typedOf } from "./keys.ts";
import { readEvents } from "./read-events.ts";
import type { KeysRequest, Needle, ValuesRequest, ValueType } from "./requests.ts";
import type { Ask, Row } from "./results.ts";

/** Keys are found in so many of the newest events, as far as they have no more than so many characters together. */
const EXAMINED_EVENTS = 5000;
const EXAMINED_CHARS = 8 * 1024 * 1024;
/** Keys of an answer: events of hostile code may have any number. */
const MAX_KEYS = 10_000;
const MAX_DEPTH = 10;

interface FoundKey {
  key: string;
  type: ValueType;
  lastSeenAt: number;
}

export interface ListedKeys {
  keys: FoundKey[];
  /** Events that were looked at, and whether others match, too. */
  examined: number;
  isPart: boolean;
}

export async function listKeys(request: KeysRequest, ask: Ask): Promise<ListedKeys> {
  const matches = request.keyNeedle ? matcher(request.keyNeedle) : () => true;
  // Sizes come first: large events are not to be read only to be left out.
  const sizes = await ask(
    (from) =>
      `SELECT id, length(concat(source, workers, message, error)) AS size FROM ${from} WHERE ${conditionOf(request)}` +
      ` ORDER BY t DESC, id DESC LIMIT ${EXAMINED_EVENTS + 1}`,
  );
  const ids = newestOf(sizes);
  const rows = await readEvents(ids.sort(), ask);
  const keys = keysOf(rows, request.accountId).filter(({ key }) => matches(key));
  return { keys: keys.slice(0, request.limit), examined: ids.length, isPart: ids.length < sizes.length };
}

function newestOf(sizes: readonly Row[]): string[] {
  let chars = 0;
  const ids: string[] = [];
  for (const { id, size } of sizes.slice(0, EXAMINED_EVENTS)) {
    chars += Number(size);
    if (chars > EXAMINED_CHARS) break;
    ids.push(String(id));
  }
  return ids;
}

export async function listValues({ key, type, limit, ...selection }: ValuesRequest, ask: Ask): Promise<object[]> {
  const own = typedOf(key, type, selection.accountId);
  const rows = await ask(
    (from) =>
      `SELECT ${own} AS value, sum(n) AS total FROM ${from} WHERE ${conditionOf(selection)} AND ${own} IS NOT NULL` +
      ` GROUP BY value ORDER BY total DESC, value LIMIT ${limit}`,
  );
  return rows.map(({ value }) => ({
    dataset: DATASET,
    key,
    type,
    value: type === "boolean" ? value === "true" : value,
  }));
}

/** Keys of events, those of all events first. Newest events come first. */
export function keysOf(rows: readonly Row[], accountId: string): FoundKey[] {
  const found = new Map<string, FoundKey>();
  const add = (key: string, value: unknown, lastSeenAt: number) => {
    const type = typeof value;
    if (type !== "string" && type !== "number" && type !== "boolean") return;
    if (found.size < MAX_KEYS && !found.has(key)) found.set(key, { key, type, lastSeenAt });
  };
  for (const row of rows) {
    const at = Number(row.t);
    for (const [name, column] of metadataColumns) add(`$metadata.${name}`, row[column as keyof StoredEvent], at);
    add("$metadata.account", accountId, at);
    add("timestamp", at, at);
    walk(JSON.parse(String(row.workers)), "$workers", (key, value) => add(key, value, at));
    walk(JSON.parse(String(row.source)), "", (key, value) => add(key, value, at));
  }
  return [...found.values()];
}

function walk(value: unknown, path: string, visit: (key: string, value: unknown) => void, depth = 0): void {
  if (typeof value !== "object" || value === null) visit(path, value);
  else if (depth < MAX_DEPTH) {
    for (const [name, inner] of Object.entries(value))
      walk(inner, path === "" ? name : `${path}.${name}`, visit, depth + 1);
  }
}

function patternOf(text: string, flags: string): RegExp {
  try {
    return new RegExp(text, flags);
  } catch (error) {
    throw new Refusal((error as Error).message);
  }
}

function matcher({ value, isRegex, matchCase }: Needle): (key: string) => boolean {
  if (isRegex) {
    const pattern = patternOf(value, matchCase ? "" : "i");
    return (key) => pattern.test(key);
  }
  if (matchCase) return (key) => key.includes(value);
  const lower = value.toLowerCase();
  return (key) => key.toLowerCase().includes(lower);
}
