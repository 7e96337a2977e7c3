import { invalidRange } from "./errors.ts";
import type { ByteRange, GetOptions, RangeRequest } from "./model.ts";
import type { Slice } from "./object-body.ts";
import type { ObjectRow, Piece } from "./rows.ts";

/** The bytes that a range asks for. Error 10039 when the object has none of them. */
export function resolveRange(range: RangeRequest, size: number): ByteRange {
  if ("suffix" in range) {
    const length = Math.min(range.suffix, size);
    if (length <= 0) throw invalidRange();
    return { offset: size - length, length };
  }
  const { offset = 0, length = size - offset } = range;
  if (offset < 0 || offset > size || length <= 0) throw invalidRange();
  const real = Math.min(length, size - offset);
  if (real === 0) throw invalidRange();
  return { offset, length: real };
}

/** The range that a `Range` header means; undefined: it is none, or several, and all is served (RFC 9110, 14.2). */
export function parseRangeHeader(header: string): RangeRequest | undefined {
  const [, first, last] = /^bytes=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(header.trim()) ?? [];
  if (first === undefined || last === undefined || first + last === "") return undefined;
  if (first === "") return { suffix: Number(last) };
  if (last === "") return { offset: Number(first) };
  return Number(last) < Number(first) ? undefined : { offset: Number(first), length: Number(last) - Number(first) + 1 };
}

/** What of an object is asked for; no range: all of it. */
export function rangeOf(
  { size, pieces }: ObjectRow,
  { range, partNumber }: GetOptions,
): { range?: ByteRange; partCount?: number } {
  if (partNumber !== undefined) {
    const sizes = pieces?.map((piece) => piece.size) ?? [size];
    const length = sizes[partNumber - 1];
    if (length === undefined) throw invalidRange();
    const offset = sizes.slice(0, partNumber - 1).reduce((sum, one) => sum + one, 0);
    return { range: { offset, length }, partCount: sizes.length };
  }
  const wanted = typeof range === "string" ? parseRangeHeader(range) : range;
  return wanted === undefined ? {} : { range: resolveRange(wanted, size) };
}

/** The pieces, or parts of pieces, that have these bytes. */
export function slicesOf(pieces: Piece[], offset: number, length: number): Slice[] {
  const slices: Slice[] = [];
  let start = 0;
  for (const piece of pieces) {
    const from = Math.max(0, offset - start);
    const to = Math.min(piece.size, offset + length - start);
    if (to > from) slices.push({ piece, offset: from, length: to - from });
    start += piece.size;
    if (start >= offset + length) break;
  }
  return slices;
}
