import { z } from "zod";
import { isObject } from "../../lib/is-object.ts";
import type { Platform } from "../../store/platform.ts";
import { callDatabase, type DatabaseKey } from "./api-call.ts";
import { MAX_STATEMENTS } from "./api-limits.ts";
import { malformed, tooManyStatements } from "./errors.ts";
import type { D1Rows, D1Value } from "./operations.ts";

const Value = z.union([
  z.null(),
  z.number(),
  z.string(),
  z.boolean().transform(Number),
  z.array(z.int().min(0).max(255)),
]);
const Single = z.object({ sql: z.string(), params: z.array(Value).optional() });

/** One SQL text; several statements in `batch`, or as a plain list as older clients send them. */
export const QueryBody = z.union([z.object({ batch: z.array(Single) }), Single, z.array(Single)], {
  error: ({ input }) => whatIsWrong(input),
});
export type QueryBody = z.infer<typeof QueryBody>;

/** A union by itself says only that no form fits. */
function whatIsWrong(body: unknown): string {
  const statements = isObject(body) && "batch" in body ? body.batch : body;
  const all = Array.isArray(statements) ? statements : [statements];
  const at = all.findIndex((one) => !Single.safeParse(one).success);
  const where = all.length > 1 ? ` of statement ${at + 1}` : "";
  const wrong = all[at];
  if (!isObject(wrong)) return 'give {"sql": "…", "params": […]}, or {"batch": [{"sql": "…", "params": […]}, …]}';
  if (typeof wrong.sql !== "string") return `"sql"${where} must be text: the SQL to run`;
  return `"params"${where} must be a list of null, numbers, strings, booleans, and lists of bytes (0 to 255)`;
}

/** Runs the request in one transaction and answers a result for each statement of it. */
export async function runQuery(platform: Platform, key: DatabaseKey, body: QueryBody): Promise<D1Rows[]> {
  if ("sql" in body) {
    if (body.sql.trim() === "") throw malformed('"sql" is empty.');
    const request = { sql: body.sql, ...(body.params && { params: body.params as D1Value[] }) };
    return (await callDatabase(platform, key, "script", request)).results;
  }
  const statements = "batch" in body ? body.batch : body;
  if (statements.length === 0) throw malformed("there is no statement in it.");
  if (statements.length > MAX_STATEMENTS) throw tooManyStatements(statements.length);
  const request = {
    statements: statements.map(({ sql, params }) => ({ sql, ...(params && { params: params as D1Value[] }) })),
  };
  return (await callDatabase(platform, key, "batch", request)).results;
}
