/**
 * Looks up positions in source maps (ECMA-426) without decoding them: one pass over the text for all positions, up to the last
 * line asked for. Decoding first costs a hundred bytes a segment and more time than the look-ups of a whole log.
 */

/** What look-ups need of a map; its contents of sources, which are most of it, are left behind. */
export interface SourceMap {
  /** Where each source is, with `sourceRoot` before it. */
  sources: (string | null)[];
  mappings: string;
}

/** Both count from 1, as in stacks. */
export interface Position {
  line: number;
  column: number;
}

export interface OriginalPosition extends Position {
  source: string;
}

/** Reads a map; undefined when it is none, or one of sections, which no bundler of Workers writes. */
export function readSourceMap(text: string): SourceMap | undefined {
  let map: Partial<Record<string, unknown>>;
  try {
    map = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof map !== "object" || map === null) return undefined;
  const { version, mappings, sources, sourceRoot, file } = map;
  if (version !== 3 || typeof mappings !== "string" || !Array.isArray(sources)) return undefined;
  // A root that is the output itself is a slip of the client's, in maps of Functions: sources lie beside it.
  const rooted = typeof sourceRoot === "string" && sourceRoot !== "" && sourceRoot !== file;
  const root = rooted ? `${sourceRoot.replace(/\/$/, "")}/` : "";
  return { mappings, sources: sources.map((source) => (typeof source === "string" ? root + source : null)) };
}

const COMMA = 44;
const SEMICOLON = 59;

/** Value of each base64 digit by its character code; 255: none. */
const digits = new Uint8Array(128).fill(255);
for (const [value, digit] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries())
  digits[digit.charCodeAt(0)] = value;

/**
 * The original of each position, or undefined where there is none: that of the last segment at or before it on its line.
 * Throws a RangeError at what is no mapping.
 */
export function originalPositions(map: SourceMap, wanted: readonly Position[]): (OriginalPosition | undefined)[] {
  const found: (OriginalPosition | undefined)[] = wanted.map(() => undefined);
  /** Indexes into `wanted`, in the order of the text. */
  const order = wanted.map((_, index) => index).sort((a, b) => compare(wanted[a]!, wanted[b]!));
  const { mappings, sources } = map;
  const { length } = mappings;
  let next = 0;
  let line = 1;
  let at = 0;
  // Column of the output; source, line and column of the original; a name. All but the first go on from line to line.
  const state = new Int32Array(5);
  while (next < order.length && at <= length) {
    const first = wanted[order[next]!]!;
    const asked = first.line === line;
    /** The segment before the one at `at`: what positions up to it belong to. */
    let segment: OriginalPosition | undefined;
    state[0] = 0;
    for (;;) {
      const code = at < length ? mappings.charCodeAt(at) : SEMICOLON;
      if (code === SEMICOLON) break;
      if (code === COMMA) {
        at++;
        continue;
      }
      const previous = segment;
      let fields = 0;
      for (; at < length; fields++) {
        let digit = digits[mappings.charCodeAt(at)] ?? 255;
        if (digit === 255) break;
        let value = 0;
        let shift = 0;
        for (;;) {
          at++;
          value |= (digit & 31) << shift;
          if ((digit & 32) === 0) break;
          shift += 5;
          digit = digits[mappings.charCodeAt(at)] ?? 255;
          if (digit === 255 || shift > 30) throw new RangeError("the mappings are not well-formed");
        }
        if (fields < 5) state[fields]! += (value & 1) === 1 ? -(value >>> 1) : value >>> 1;
      }
      if (fields === 0) throw new RangeError("the mappings are not well-formed");
      if (!asked) continue;
      const column = state[0]! + 1;
      while (next < order.length && wanted[order[next]!]!.line === line && wanted[order[next]!]!.column < column)
        found[order[next++]!] = previous;
      const source = fields >= 4 ? sources[state[1]!] : undefined;
      segment = source == null ? undefined : { source, line: state[2]! + 1, column: state[3]! + 1 };
    }
    while (next < order.length && wanted[order[next]!]!.line <= line) {
      const index = order[next++]!;
      if (wanted[index]!.line === line) found[index] = segment;
    }
    at++;
    line++;
  }
  return found;
}

function compare(a: Position, b: Position): number {
  return a.line - b.line || a.column - b.column;
}
