import { parseRange } from "../assets/conditional.ts";
import type { Entry } from "./store.ts";

/** Fields of a request that decide which part of a response is given. */
export interface Conditions {
  range: string | undefined;
  ifRange: string | undefined;
  ifNoneMatch: string | undefined;
  ifModifiedSince: string | undefined;
}

/** What to answer with. `part`: those bytes. */
export type Selection =
  | { kind: "whole" }
  | { kind: "not-modified" }
  | { kind: "part"; offset: number; length: number }
  | { kind: "unsatisfiable" };

/** Evaluates the conditions in the order of RFC 9110 13.2.2. They are for responses with 200 only. */
export function select(entry: Pick<Entry, "status" | "etag" | "lastModified" | "size">, asked: Conditions): Selection {
  if (entry.status !== 200) return { kind: "whole" };
  if (asked.ifNoneMatch !== undefined) {
    if (namesTag(asked.ifNoneMatch, entry.etag)) return { kind: "not-modified" };
  } else if (asked.ifModifiedSince !== undefined && entry.lastModified !== "") {
    // A date that is none compares as false.
    if (Date.parse(entry.lastModified) <= Date.parse(asked.ifModifiedSince)) return { kind: "not-modified" };
  }
  if (asked.range === undefined || !mayPart(entry, asked.ifRange)) return { kind: "whole" };
  const range = parseRange(asked.range, entry.size);
  if (range === "whole") return { kind: "whole" };
  return range === "unsatisfiable" ? { kind: "unsatisfiable" } : { kind: "part", ...range };
}

/** Weak comparison with each tag of a list. */
function namesTag(list: string, etag: string): boolean {
  if (list.trim() === "*") return true;
  if (etag === "") return false;
  const opaque = etag.replace(/^W\//, "");
  return [...list.matchAll(/(?:W\/)?("[^"]*")/g)].some(([, tag]) => tag === opaque);
}

/** `If-Range` holds for the same strong tag, or the same date. */
function mayPart({ etag, lastModified }: Pick<Entry, "etag" | "lastModified">, ifRange: string | undefined): boolean {
  if (ifRange === undefined) return true;
  const validator = ifRange.trim();
  if (validator.endsWith('"')) return validator === etag && !etag.startsWith("W/");
  return lastModified !== "" && validator === lastModified;
}
