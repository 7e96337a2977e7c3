// @ts-check
/** Takes SQL text apart into its statements, as SQLite's own tokenizer sees them. */

/**
 * @typedef {object} Piece
 * @property {string} sql The statement, without comments and semicolons around it.
 * @property {number} parameters How many values it takes: SQLite gives each `?` the next number, `?NNN` its own.
 */

const SPACE = /\s/;
const WORD_START = /[A-Za-z_\u0080-\uffff]/;
const WORD = /[A-Za-z0-9_$\u0080-\uffff]/;

/**
 * The first statement in `text` at or after `from`. `next` is where the one after it begins. `undefined`: there is no
 * further statement. With `partial` the text may go on: `undefined` too when no semicolon has come yet.
 * @param {string} text
 * @param {number} from
 * @param {boolean} [partial]
 * @returns {(Piece & { next: number }) | undefined}
 */
export function nextStatement(text, from, partial = false) {
  let start = -1;
  let end = from;
  let words = 0;
  let creating = false;
  let trigger = false;
  /** In a trigger's body the statement ends with `; END ;`. */
  let ending = 0;
  let parameters = 0;
  /** @type {Map<string, number>} */
  const named = new Map();
  let at = from;
  while (at < text.length) {
    const character = /** @type {string} */ (text[at]);
    if (SPACE.test(character)) {
      at++;
      continue;
    }
    if (character === "-" && text[at + 1] === "-") {
      const line = text.indexOf("\n", at);
      if (line < 0) break;
      at = line + 1;
      continue;
    }
    if (character === "/" && text[at + 1] === "*") {
      const close = text.indexOf("*/", at + 2);
      if (close < 0) break;
      at = close + 2;
      continue;
    }
    if (character === ";") {
      at++;
      if (start < 0) continue;
      if (!trigger || ending === 2) return { sql: text.slice(start, end), parameters, next: at };
      ending = 1;
      end = at;
      continue;
    }
    if (start < 0) start = at;
    if (character === "'" || character === '"' || character === "`" || character === "[") {
      at = quotedEnd(text, at, character === "[" ? "]" : character);
      ending = 0;
    } else if (WORD_START.test(character)) {
      const from = at;
      while (at < text.length && WORD.test(/** @type {string} */ (text[at]))) at++;
      if (words < 3 || ending === 1) {
        const word = text.slice(from, at).toUpperCase();
        if (words === 0) creating = word === "CREATE";
        else if (creating && words <= 2 && word === "TRIGGER") trigger = true;
        ending = trigger && ending === 1 && word === "END" ? 2 : 0;
        if (word !== "EXPLAIN" || words > 0) words++;
      } else ending = 0;
    } else if (character === "?") {
      const from = ++at;
      while (at < text.length && /** @type {string} */ (text[at]) >= "0" && /** @type {string} */ (text[at]) <= "9")
        at++;
      parameters = from === at ? parameters + 1 : Math.max(parameters, Number(text.slice(from, at)));
      ending = 0;
    } else if ((character === ":" || character === "@" || character === "$") && WORD.test(text[at + 1] ?? "")) {
      const from = at++;
      while (at < text.length && WORD.test(/** @type {string} */ (text[at]))) at++;
      const name = text.slice(from, at);
      if (!named.has(name)) named.set(name, ++parameters);
      ending = 0;
    } else if (character >= "0" && character <= "9") {
      // A number, so that no letter in it begins a word.
      while (at < text.length && WORD.test(/** @type {string} */ (text[at]))) at++;
      ending = 0;
    } else {
      at++;
      ending = 0;
    }
    end = at;
  }
  return start < 0 || partial ? undefined : { sql: text.slice(start, end), parameters, next: text.length };
}

/**
 * @param {string} text
 * @param {number} from
 * @param {string} quote
 */
function quotedEnd(text, from, quote) {
  const close = text.indexOf(quote, from + 1);
  return close < 0 ? text.length : close + 1;
}

/**
 * @param {string} text
 * @returns {Piece[]}
 */
export function statementsOf(text) {
  const pieces = [];
  for (let piece = nextStatement(text, 0); piece; piece = nextStatement(text, piece.next)) pieces.push(piece);
  return pieces;
}
