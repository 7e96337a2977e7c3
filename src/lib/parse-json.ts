/**
 * Levels that a document may have. What checks, compares and writes values calls itself for each, and a stack has an end, which lies
 * elsewhere for everyone: what one accepts another could not write any more.
 */
export const MAX_JSON_DEPTH = 200;

/** As `JSON.parse`, for text from outside. Throws a SyntaxError for what is nested deeper than {@link MAX_JSON_DEPTH}, too. */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!isShallow(value, MAX_JSON_DEPTH)) throw new SyntaxError(`it is nested more than ${MAX_JSON_DEPTH} levels deep`);
  return value;
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((one) => isShallow(one, levels - 1));
}
