import { COLON, CR, equalsIgnoringCase, LF, SPACE, TAB, TOKEN, VALUE } from "./characters.ts";
import { type HeaderNames, hashByte } from "./header-names.ts";
import { MAX_FIELDS } from "./limits.ts";

/** The bytes end before the head does. */
export const INCOMPLETE = -1;
/** The head breaks the grammar. */
export const MALFORMED = -2;
/** More fields than {@link MAX_FIELDS}. */
export const TOO_MANY_FIELDS = -3;

/**
 * The fields of a parsed message head, as offsets into the bytes they were read from.
 * One object is used again for every message: it is valid only until the next parse.
 */
export class Head {
  bytes: Buffer = Buffer.alloc(0);
  /** Where the start line begins. */
  start = 0;
  /** Just after the empty line. */
  end = 0;
  count = 0;
  /** Id of each field's name (see {@link HeaderNames}). */
  readonly ids = new Uint8Array(MAX_FIELDS);
  /** Where each field's line begins; one more entry marks the empty line. */
  readonly lineStarts = new Int32Array(MAX_FIELDS + 1);
  readonly nameEnds = new Int32Array(MAX_FIELDS);
  readonly valueStarts = new Int32Array(MAX_FIELDS);
  readonly valueEnds = new Int32Array(MAX_FIELDS);
  /** Lower-case names that `Connection` nominates as hop-by-hop, beyond the usual ones. */
  nominated: Set<string> | undefined;
  readonly names: HeaderNames;

  constructor(names: HeaderNames) {
    this.names = names;
  }

  /** Value of the field at an index, as Latin-1 text without surrounding white space. */
  value(index: number): string {
    return this.bytes.toString("latin1", this.valueStarts[index], this.valueEnds[index]);
  }

  /** Index of the first field with this id at or after `from`, or -1. */
  indexOf(id: number, from = 0): number {
    for (let index = from; index < this.count; index++) if (this.ids[index] === id) return index;
    return -1;
  }

  /** Value of the first field with this id. */
  get(id: number): string | undefined {
    const index = this.indexOf(id);
    return index < 0 ? undefined : this.value(index);
  }

  /** Whether the value of the field at an index is `text` (lower case), ignoring case. */
  valueIs(index: number, text: string): boolean {
    return equalsIgnoringCase(this.bytes, this.valueStarts[index] as number, this.valueEnds[index] as number, text);
  }

  /** All fields by lower-case name, as Latin-1 text; values of repeated ones are joined by commas. */
  fields(): Map<string, string> {
    const fields = new Map<string, string>();
    for (let index = 0; index < this.count; index++) {
      const name = this.bytes.toString("latin1", this.lineStarts[index], this.nameEnds[index]).toLowerCase();
      const earlier = fields.get(name);
      fields.set(name, earlier === undefined ? this.value(index) : `${earlier},${this.value(index)}`);
    }
    return fields;
  }

  /** The value at an index as a list of lower-case tokens. */
  tokens(index: number): string[] {
    return this.value(index)
      .toLowerCase()
      .split(",")
      .map((token) => token.trim())
      .filter(Boolean);
  }
}

/**
 * Parses field lines from `position` to the empty line and returns the offset after it, or a negative code.
 * Strict (RFC 9112): lines end in CRLF, no white space before the colon, no folding, no control characters.
 */
export function parseFields(head: Head, bytes: Buffer, position: number, end: number): number {
  const { ids, lineStarts, nameEnds, valueStarts, valueEnds, names } = head;
  let at = position;
  for (let count = 0; ; count++) {
    if (at >= end) return INCOMPLETE;
    lineStarts[count] = at;
    if (bytes[at] === CR) {
      if (at + 1 >= end) return INCOMPLETE;
      if (bytes[at + 1] !== LF) return MALFORMED;
      head.count = count;
      return at + 2;
    }
    if (count === MAX_FIELDS) return TOO_MANY_FIELDS;

    const nameStart = at;
    let hash = 0;
    let lower = 0;
    while (at < end) {
      lower = TOKEN[bytes[at] as number] as number;
      if (lower === 0) break;
      hash = hashByte(hash, lower);
      at++;
    }
    if (at >= end) return INCOMPLETE;
    // Folding, white space before the colon, an empty name and a bare line feed all end here.
    if (bytes[at] !== COLON || at === nameStart) return MALFORMED;
    const nameEnd = at++;

    while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
    valueStarts[count] = at;
    while (at < end && VALUE[bytes[at] as number] === 1) at++;
    if (at >= end) return INCOMPLETE;
    if (bytes[at] !== CR) return MALFORMED;
    let valueEnd = at;
    while (valueEnd > (valueStarts[count] as number) && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB))
      valueEnd--;
    if (++at >= end) return INCOMPLETE;
    if (bytes[at++] !== LF) return MALFORMED;

    ids[count] = names.find(bytes, nameStart, nameEnd, hash);
    nameEnds[count] = nameEnd;
    valueEnds[count] = valueEnd;
  }
}

/** A `Content-Length` value, or -1 when it is not a plain decimal number below 2^53. */
export function parseLength(bytes: Uint8Array, start: number, end: number): number {
  if (end === start || end - start > 15) return -1;
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}
