/**
 * Patterns of `_headers` and `_redirects`: literal text, placeholders (`:name`, one or more characters
 * within a segment) and at most one splat (`*`, anything). Written for tenant input: matching takes time
 * linear in subject plus pattern, whatever both contain, and captures are those of the greedy regular
 * expression that documentation describes (the earliest placeholder takes as much as it can).
 *
 * Why it is linear: a placeholder never crosses a separator, so separators of subject and pattern pair up
 * from both ends, with the splat between. Within one segment, placing each literal at its last possible
 * occurrence, from right to left, gives the greedy captures without trying alternatives.
 */

import { MAX_PLACEHOLDERS } from "./limits.ts";

/** The pattern cannot be used; `message` says why. */
export class PatternError extends Error {
  override name = "PatternError";
}

export type Captures = Map<string, string>;

type Part = { literal: string; failure: Uint16Array } | { placeholder: string };

const PLACEHOLDER = /:([A-Za-z]\w*)/g;

export class Pattern {
  readonly source: string;
  /** No placeholder and no splat: matches its own text only. */
  readonly isStatic: boolean;
  readonly names: ReadonlySet<string>;
  readonly hasSplat: boolean;
  /** Text that every match starts with. */
  readonly head: string;
  /** The whole pattern is `head` and a splat. */
  readonly isHeadAndSplat: boolean;
  readonly #separator: string;
  /** Segments before the splat (all of them without one), then those after. */
  readonly #before: Part[][];
  readonly #after: Part[][];

  /** `separator` is `/` in paths and `.` in hosts. Throws {@link PatternError}. */
  constructor(source: string, separator: "/" | ".") {
    const names = new Set<string>();
    const halves = source.split("*");
    if (halves.length > 2) throw new PatternError("it has more than one `*`");
    this.source = source;
    this.#separator = separator;
    this.#before = (halves[0] ?? "").split(separator).map((segment) => parseSegment(segment, names));
    this.#after =
      halves.length < 2 ? [] : (halves[1] ?? "").split(separator).map((segment) => parseSegment(segment, names));
    this.hasSplat = halves.length === 2;
    if (names.size > MAX_PLACEHOLDERS) throw new PatternError(`it has more than ${MAX_PLACEHOLDERS} placeholders`);
    if (this.hasSplat) {
      if (names.has("splat")) throw new PatternError("it has both `*` and `:splat`, which name the same value");
      names.add("splat");
    }
    this.names = names;
    this.isStatic = names.size === 0;
    const wild = source.search(/\*|:[A-Za-z]/);
    this.head = wild < 0 ? source : source.slice(0, wild);
    this.isHeadAndSplat = source === `${this.head}*`;
  }

  /** Adds the captured values to `captures`. Returns false (with `captures` in any state) when the subject does not match. */
  match(subject: string, captures: Captures): boolean {
    if (this.isStatic) return subject === this.source;
    if (!subject.startsWith(this.head)) return false;
    if (this.isHeadAndSplat) {
      captures.set("splat", subject.slice(this.head.length));
      return true;
    }
    // From the end: segments behind the splat, then the piece of a segment that touches it.
    let splatEnd = subject.length;
    for (let i = this.#after.length - 1; i >= 0; i--) {
      const parts = this.#after[i] ?? [];
      const low = lastSeparator(subject, this.#separator, splatEnd) + 1;
      if (i === 0) {
        splatEnd = place(parts, subject, low, splatEnd, false, true, captures)?.start ?? -1;
        if (splatEnd < 0) return false;
      } else {
        if (low === 0 || !place(parts, subject, low, splatEnd, true, true, captures)) return false;
        splatEnd = low - 1;
      }
    }
    // From the start: whole segments, then the piece that touches the splat (or the last segment).
    let position = 0;
    for (let i = 0; i < this.#before.length; i++) {
      const parts = this.#before[i] ?? [];
      const separator = subject.indexOf(this.#separator, position);
      const high = separator < 0 || separator > splatEnd ? splatEnd : separator;
      const last = i === this.#before.length - 1;
      if (!last && (separator < 0 || separator >= splatEnd)) return false;
      if (last && !this.hasSplat && high !== subject.length) return false;
      const placed = place(parts, subject, position, high, true, !(last && this.hasSplat), captures);
      if (!placed) return false;
      position = last ? placed.end : high + 1;
    }
    if (this.hasSplat) captures.set("splat", subject.slice(position, splatEnd));
    return true;
  }
}

function lastSeparator(subject: string, separator: string, end: number): number {
  return end === 0 ? -1 : subject.lastIndexOf(separator, end - 1);
}

function parseSegment(text: string, names: Set<string>): Part[] {
  const parts: Part[] = [];
  const literal = (value: string) => {
    if (value) parts.push({ literal: value, failure: failureTable(value) });
  };
  let from = 0;
  for (const match of text.matchAll(PLACEHOLDER)) {
    const name = match[1] ?? "";
    if (names.has(name)) throw new PatternError(`the placeholder \`:${name}\` appears twice`);
    names.add(name);
    literal(text.slice(from, match.index));
    parts.push({ placeholder: name });
    from = match.index + match[0].length;
  }
  literal(text.slice(from));
  return parts;
}

/**
 * Places the parts within `[low, high)`, each boundary as far right as possible.
 * An end that is not anchored may lie anywhere within. Undefined when they do not fit.
 */
function place(
  parts: Part[],
  text: string,
  low: number,
  high: number,
  anchoredStart: boolean,
  anchoredEnd: boolean,
  captures: Captures,
): { start: number; end: number } | undefined {
  if (low > high) return;
  if (parts.length === 0) {
    if (anchoredStart && anchoredEnd) return low === high ? { start: low, end: high } : undefined;
    return anchoredStart ? { start: low, end: low } : { start: high, end: high };
  }
  /** Everything from here to the right is placed; with `loose`, the part to the right may also begin further left. */
  let right = high;
  let loose = !anchoredEnd;
  let end = high;
  let open: { name: string; end: number } | undefined;
  const close = (start: number) => {
    if (open) captures.set(open.name, text.slice(start, open.end));
    open = undefined;
  };
  for (let i = parts.length - 1; i >= 0; i--) {
    const part = parts[i] as Part;
    if ("placeholder" in part) {
      close(right);
      open = { name: part.placeholder, end: right };
      right -= 1;
      if (right < low) return;
      loose = true;
      continue;
    }
    const length = part.literal.length;
    let at: number;
    if (i === 0 && anchoredStart) at = text.startsWith(part.literal, low) ? low : -1;
    else if (loose) at = lastOccurrence(text, low, right, part.literal, part.failure);
    else at = right - length >= low && text.startsWith(part.literal, right - length) ? right - length : -1;
    if (at < low || at + length > right || (!loose && at + length !== right)) return;
    close(at + length);
    if (i === parts.length - 1) end = at + length;
    right = at;
    loose = false;
  }
  if (!loose && anchoredStart && right !== low) return;
  const start = loose && anchoredStart ? low : right;
  close(start);
  return { start, end };
}

/** Knuth-Morris-Pratt from right to left: the last occurrence of `literal` within `[low, high)`, or -1. */
function lastOccurrence(text: string, low: number, high: number, literal: string, failure: Uint16Array): number {
  const length = literal.length;
  let matched = 0;
  for (let i = high - 1; i >= low; i--) {
    const code = text.charCodeAt(i);
    while (matched > 0 && literal.charCodeAt(length - 1 - matched) !== code) matched = failure[matched - 1] ?? 0;
    if (literal.charCodeAt(length - 1 - matched) === code) matched++;
    if (matched === length) return i;
  }
  return -1;
}

/** Failure function of the reversed literal. */
function failureTable(literal: string): Uint16Array {
  const length = literal.length;
  const table = new Uint16Array(length);
  let matched = 0;
  for (let i = 1; i < length; i++) {
    const code = literal.charCodeAt(length - 1 - i);
    while (matched > 0 && literal.charCodeAt(length - 1 - matched) !== code) matched = table[matched - 1] ?? 0;
    if (literal.charCodeAt(length - 1 - matched) === code) matched++;
    table[i] = matched;
  }
  return table;
}

/**
 * Replaces `:name` by its captured value; of a longer word, the longest name it starts with counts
 * (`:idx` with a capture `id` gives the value and `x`, as the original does). Unknown names stay.
 * Undefined when the result would exceed `maxChars`.
 */
export function substitute(template: string, captures: Captures, maxChars: number): string | undefined {
  if (captures.size === 0 || !template.includes(":")) return template.length > maxChars ? undefined : template;
  let result = "";
  let from = 0;
  for (const match of template.matchAll(PLACEHOLDER)) {
    const word = match[1] ?? "";
    const name = longestName(word, captures);
    if (name === undefined) continue;
    result += template.slice(from, match.index) + captures.get(name);
    if (result.length > maxChars) return;
    from = match.index + 1 + name.length;
  }
  result += template.slice(from);
  return result.length > maxChars ? undefined : result;
}

function longestName(word: string, captures: Captures): string | undefined {
  if (captures.has(word)) return word;
  let best: string | undefined;
  for (const name of captures.keys()) if (word.startsWith(name) && name.length > (best?.length ?? 0)) best = name;
  return best;
}
