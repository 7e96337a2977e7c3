import { badFilter } from "./errors.ts";
import { INSTANCES_PER_PAGE, MAX_INSTANCES_PER_PAGE, MAX_PAGE } from "./limits.ts";

const STATUSES = new Set([
  ...["queued", "running", "paused", "errored", "terminated", "complete", "waiting", "waitingForPause", "rollingBack"],
]);

/** What `instance-list.worker.js` takes. */
export interface InstanceQuery {
  limit: number;
  status?: string;
  from?: number;
  to?: number;
  oldestFirst?: boolean;
  after?: [created: number, id: string];
  /** Entries to pass over, for clients that count pages. */
  offset?: number;
}

/** Reads the query of a list of instances. Error 10026 for what cannot be read. */
export function readInstanceQuery(query: URLSearchParams): InstanceQuery {
  const status = readStatus(query);
  const from = readDate(query, "date_start");
  const to = readDate(query, "date_end");
  const after = query.get("cursor");
  const limit = readWhole(query, "per_page", INSTANCES_PER_PAGE, MAX_INSTANCES_PER_PAGE);
  const page = after ? 1 : readWhole(query, "page", 1, MAX_PAGE);
  return {
    limit,
    ...(status !== undefined && { status }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(query.get("direction") === "asc" && { oldestFirst: true }),
    ...(after && { after: decodeCursor(after) }),
    ...(page > 1 && { offset: (page - 1) * limit }),
  };
}

export function readStatus(query: URLSearchParams): string | undefined {
  const status = query.get("status");
  if (!status) return undefined;
  if (!STATUSES.has(status)) throw badFilter("status", status, `one of ${[...STATUSES].join(", ")}`);
  return status;
}

export function encodeCursor({ created, id }: { created: number; id: string }): string {
  return Buffer.from(JSON.stringify([created, id])).toString("base64url");
}

function decodeCursor(text: string): [number, string] {
  try {
    const [created, id] = JSON.parse(Buffer.from(text, "base64url").toString()) as unknown[];
    if (typeof created === "number" && typeof id === "string") return [created, id];
  } catch {}
  throw badFilter("cursor", text, "the cursor of the page before");
}

function readWhole(query: URLSearchParams, name: string, fallback: number, max: number): number {
  const text = query.get(name);
  if (!text) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw badFilter(name, text, `a whole number from 1 to ${max}`);
  }
  return value;
}

function readDate(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (!text) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw badFilter(name, text, "an ISO 8601 date or time");
  return ms;
}
