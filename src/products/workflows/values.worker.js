// @ts-check
/** Values that a workflow stores, which may be more than JSON can say. */

/** Values inside of one value that are shown: cycles, and what is referred to from many places, have no end of them. */
const MAX_PARTS = 100_000;
const MAX_DEPTH = 64;

/**
 * The value as JSON can say it.
 * @param {any} value
 * @returns {any}
 */
export function plain(value, budget = { parts: MAX_PARTS }, depth = 0) {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH || --budget.parts < 0) return "[left out]";
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Error) return { name: value.name, message: value.message };
  if (value instanceof RegExp) return String(value);
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return `[binary: ${value.byteLength} bytes]`;
  /** @param {any} part */
  const within = (part) => plain(part, budget, depth + 1);
  if (Array.isArray(value)) return value.map(within);
  if (value instanceof Set) return [...value].map(within);
  const entries = value instanceof Map ? [...value].map(([key, part]) => [String(key), part]) : Object.entries(value);
  return Object.fromEntries(entries.map(([key, part]) => [key, within(part)]));
}

/**
 * About how many bytes the value takes when it is stored. Stops counting once it is beyond `enough`.
 * @param {unknown} value
 * @param {number} enough
 */
export function sizeOf(value, enough) {
  let size = 0;
  const seen = new Set();
  const rest = [value];
  while (rest.length > 0 && size <= enough) {
    const item = /** @type {any} */ (rest.pop());
    if (typeof item === "string") size += utf8Length(item, enough);
    else if (typeof item !== "object" || item === null) size += 1;
    else if (item instanceof ArrayBuffer || ArrayBuffer.isView(item)) size += item.byteLength;
    else if (!seen.has(item)) {
      seen.add(item);
      size += 8;
      // What is there at all counts, so that the list of the rest stays as short as the value may be large.
      size += Array.isArray(item) ? item.length : item instanceof Set || item instanceof Map ? item.size : 0;
      if (size > enough) break;
      if (Array.isArray(item) || item instanceof Set) for (const part of item) rest.push(part);
      else for (const [key, part] of item instanceof Map ? item : Object.entries(item)) rest.push(key, part);
    }
  }
  return size;
}

/**
 * @param {string} text
 * @param {number} enough
 */
function utf8Length(text, enough) {
  return text.length > enough ? text.length : new TextEncoder().encode(text).byteLength;
}
