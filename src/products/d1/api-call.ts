import type { Platform } from "../../store/platform.ts";
import { BULK_TIMEOUT_MS, CALL_MARGIN_MS } from "./api-limits.ts";
import { refusalOf } from "./errors.ts";
import type { D1Operations } from "./operations.ts";

/** A database that exists: what a call is about. */
export interface DatabaseKey {
  accountId: string;
  databaseId: string;
}

/** Operations that take as long as the database is large. */
const bulk: ReadonlySet<keyof D1Operations> = new Set(["import", "export", "restore"]);

/** Asks the database's host. Throws an `ApiError` for what goes wrong there. */
export async function callDatabase<Operation extends keyof D1Operations>(
  platform: Platform,
  { accountId, databaseId }: DatabaseKey,
  operation: Operation,
  request: D1Operations[Operation]["request"],
): Promise<D1Operations[Operation]["reply"]> {
  const timeoutMs = bulk.has(operation) ? BULK_TIMEOUT_MS : platform.config.state.queryMs + CALL_MARGIN_MS;
  try {
    const reply = await platform.databases.call(accountId, databaseId, operation, request, timeoutMs);
    return reply as D1Operations[Operation]["reply"];
  } catch (error) {
    throw refusalOf(error);
  }
}
