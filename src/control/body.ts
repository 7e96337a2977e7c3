import type { ZodError, ZodType } from "zod";
import { parseJson } from "../lib/parse-json.ts";
import { readBounded } from "../lib/read-bounded.ts";
import { refuse } from "./errors.ts";

/** Bound of JSON bodies. Uploads are multipart and read by their own handlers. */
export const MAX_JSON_BYTES = 10_000_000;

/** Problems of one body that are reported; more would drown the first. */
const MAX_PROBLEMS = 10;

/**
 * Reads and checks a JSON body whatever its content type says: wrangler sends many without
 * (`wrangler-api.md` 1.2). An empty body is `undefined` to the schema.
 */
export async function parseBody(request: Request, schema: ZodType): Promise<unknown> {
  const text = (await readBounded(request, MAX_JSON_BYTES))?.toString();
  if (text === undefined) throw refuse.bodySize(MAX_JSON_BYTES);
  let value: unknown;
  try {
    value = text.trim() === "" ? undefined : parseJson(text);
  } catch (error) {
    throw refuse.unreadableBody(error instanceof Error ? error.message : "not JSON");
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw refuse.badBody(describe(parsed.error));
  return parsed.data;
}

function describe(error: ZodError): [string, ...string[]] {
  const problems = error.issues.slice(0, MAX_PROBLEMS).map(({ path, message }) => {
    const field = path.map(String).join(".");
    return field ? `"${field}": ${message}` : message;
  });
  return problems as [string, ...string[]];
}
