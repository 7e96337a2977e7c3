import { ENCODINGS, type Encoding } from "./encodings.ts";
import { MAX_IF_NONE_MATCH_CHARS, MAX_RANGE_CHARS } from "./limits.ts";

/** The form of a content that is sent. */
export type Form = Encoding | "identity";

/**
 * Strong entity tag of one form. Forms differ byte for byte, so their tags must differ (RFC 9110 8.8.3.3).
 * The plain form has the content hash alone, as on the original.
 */
export function entityTag(hash: string, form: Form): string {
  return form === "identity" ? `"${hash}"` : `"${hash}-${form}"`;
}

/**
 * The form whose tag `If-None-Match` names, in a list or alone, weak or strong (the comparison is weak, RFC 9110 13.1.2).
 * Any form counts: all are the same content. `*` matches the form that would be sent, `chosen`.
 */
export function matchingForm(header: string, hash: string, chosen: Form): Form | undefined {
  const tags = header.length > MAX_IF_NONE_MATCH_CHARS ? header.slice(0, MAX_IF_NONE_MATCH_CHARS) : header;
  if (tags.trim() === "*") return chosen;
  if (!tags.includes(hash)) return;
  // The quotes delimit: neither a hash nor another tag can hold this text within.
  if (tags.includes(entityTag(hash, chosen))) return chosen;
  if (tags.includes(entityTag(hash, "identity"))) return "identity";
  return ENCODINGS.find((encoding) => tags.includes(entityTag(hash, encoding)));
}

/** First byte and number of bytes to send. */
export interface ByteRange {
  offset: number;
  length: number;
}

/**
 * Reads `Range` for a body of `size` bytes (RFC 9110 14.2). `whole`: send everything, because the value is no byte
 * range or asks for several. `unsatisfiable`: 416.
 */
export function parseRange(header: string, size: number): ByteRange | "whole" | "unsatisfiable" {
  if (header.length > MAX_RANGE_CHARS) return "whole";
  const match = /^bytes\s*=\s*(\d*)\s*-\s*(\d*)$/i.exec(header.trim());
  if (!match) return "whole";
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return "whole";
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { offset: size - length, length };
  }
  const offset = Number(first);
  const end = last === "" ? size - 1 : Number(last);
  if (end < offset && last !== "") return "whole";
  if (offset >= size) return "unsatisfiable";
  return { offset, length: Math.min(end, size - 1) - offset + 1 };
}

/** Whether `If-Range` allows the range: only the strong tag of this very form does. No dates are given out, so none match. */
export function ifRangeHolds(header: string | undefined, tag: string): boolean {
  return header === undefined || header.trim() === tag;
}
