/**
 * Dictionaries of structured fields (RFC 8941 section 4.2.2), as far as strings matter. Keys may also begin with a
 * digit, which the RFC does not allow: names of Workers may.
 */

const KEY = /[a-z0-9*][a-z0-9_.*-]*/y;
const STRING = /"((?:[ !#-[\]-~]|\\["\\])*)"/y;
/** Items that are no strings: numbers, tokens, byte sequences, booleans. */
const OTHER_ITEM = /-?\d{1,15}(?:\.\d{1,3})?|[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*|:[A-Za-z0-9+/=]*:|\?[01]/y;
const BETWEEN_MEMBERS = /[ \t]*,[ \t]*/y;
const END = /[ \t]*$/y;
const SPACES = / */y;

/**
 * The members whose value is a string, by key; of equal keys the last counts. Undefined when the text is no dictionary:
 * such a field is to be ignored whole.
 */
export function parseStringMembers(text: string): Map<string, string> | undefined {
  const members = new Map<string, string>();
  const reader = new Reader(text);
  reader.take(SPACES);
  if (reader.atEnd()) return members;
  for (;;) {
    const key = reader.take(KEY);
    if (key === undefined) return undefined;
    const value = reader.takeText("=") ? reader.value() : null;
    if (value === undefined || !reader.parameters()) return undefined;
    if (value === null) members.delete(key);
    else members.set(key, value);
    if (reader.take(END) !== undefined) return members;
    if (reader.take(BETWEEN_MEMBERS) === undefined) return undefined;
  }
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** What the sticky pattern matches here, and goes on after it. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) return undefined;
    this.#at = pattern.lastIndex;
    return match[0];
  }

  takeText(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** A string, null for any other value, undefined for none. */
  value(): string | null | undefined {
    return this.takeText("(") ? this.#innerList() : this.#item();
  }

  /** False: what begins like a parameter is none. */
  parameters(): boolean {
    while (this.takeText(";")) {
      this.take(SPACES);
      if (this.take(KEY) === undefined) return false;
      if (this.takeText("=") && this.#item() === undefined) return false;
    }
    return true;
  }

  #item(): string | null | undefined {
    const text = this.take(STRING);
    if (text !== undefined) return text.slice(1, -1).replace(/\\(.)/g, "$1");
    return this.take(OTHER_ITEM) === undefined ? undefined : null;
  }

  #innerList(): null | undefined {
    for (;;) {
      this.take(SPACES);
      if (this.takeText(")")) return null;
      if (this.#item() === undefined || !this.parameters()) return undefined;
      if (!/[ )]/.test(this.#text[this.#at] ?? "")) return undefined;
    }
  }
}
