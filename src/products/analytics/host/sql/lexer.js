// @ts-check
import { InvalidQuery } from "./invalid-query.js";

/**
 * `word` is an identifier or keyword, `quoted` an identifier in quotes.
 * @typedef {{ kind: "word" | "quoted" | "number" | "string" | "sign" | "end", text: string, at: number, end: number }} Token
 */

const MAX_TOKENS = 20_000;

const SPACE = /(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z0-9_])/y;
const STRING = /'((?:[^']|'')*)'/y;
const QUOTED = /"((?:[^"]|"")+)"|`((?:[^`]|``)+)`/y;
const SIGN = /<>|<=|>=|!=|==|[-+*/%=<>(),.]/y;

/**
 * The tokens of a query, the last one `end`. Refuses every sign that no query needs.
 * @param {string} text
 * @returns {Token[]}
 */
export function tokensOf(text) {
  /** @type {Token[]} */
  const tokens = [];
  let at = 0;
  /** @param {RegExp} pattern */
  const match = (pattern) => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  for (;;) {
    at += match(SPACE)?.[0].length ?? 0;
    if (at >= text.length) break;
    if (tokens.length >= MAX_TOKENS) throw new InvalidQuery("the query is too long.");
    const token = next(match);
    if (!token) {
      const rest = text.slice(at);
      if (/^;\s*$/.test(rest)) break;
      if (rest.startsWith(";"))
        throw new InvalidQuery("there is something after the semicolon. Send one statement at a time.");
      if (/^['"`]/.test(rest)) throw new InvalidQuery(`the text that begins with ${rest.slice(0, 20)} does not end.`);
      throw new InvalidQuery(`${JSON.stringify(rest.slice(0, 20))} cannot be read.`);
    }
    tokens.push({ ...token, at, end: at + token.length });
    at += token.length;
  }
  tokens.push({ kind: "end", text: "the end of the query", at: text.length, end: text.length });
  return tokens;
}

/**
 * @param {(pattern: RegExp) => RegExpExecArray | null} match
 * @returns {{ kind: Token["kind"], text: string, length: number } | undefined}
 */
function next(match) {
  let found = match(WORD);
  if (found) return { kind: "word", text: found[0], length: found[0].length };
  found = match(NUMBER);
  if (found) return { kind: "number", text: found[0], length: found[0].length };
  found = match(STRING);
  if (found) return { kind: "string", text: (found[1] ?? "").replaceAll("''", "'"), length: found[0].length };
  found = match(QUOTED);
  if (found) {
    const text = found[1] === undefined ? (found[2] ?? "").replaceAll("``", "`") : found[1].replaceAll('""', '"');
    return { kind: "quoted", text, length: found[0].length };
  }
  found = match(SIGN);
  return found ? { kind: "sign", text: found[0], length: found[0].length } : undefined;
}
