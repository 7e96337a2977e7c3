import { type HostRequest, requestKind } from "./host-protocol.ts";

/** Operations that change nothing. */
const READING = new Set(["info", "bookmark", "insights", "close"]);

/** Whether a request may be run again after its host ended in the middle: nothing in it can have written. */
export function mayRepeat({ kind, payload }: Pick<HostRequest, "kind" | "payload">): boolean {
  let body: unknown;
  try {
    body = JSON.parse(payload.toString());
  } catch {
    return true;
  }
  if (kind === requestKind.wire) return [body].flat().every(reads);
  const { operation, request } = body as { operation: string; request: { statements?: unknown[]; sql?: unknown } };
  if (operation === "batch") return (request.statements ?? []).every(reads);
  return READING.has(operation);
}

/** A single SELECT; WITH may lead to a write, which has one of these words in it. */
function reads(statement: unknown): boolean {
  const sql = (statement as { sql?: unknown } | null)?.sql;
  if (typeof sql !== "string" || !/^\s*(SELECT|WITH)\b[^;]*;?\s*$/i.test(sql)) return false;
  return /^\s*SELECT/i.test(sql) || !/\b(INSERT|REPLACE|UPDATE|DELETE)\b/i.test(sql);
}
