// @ts-check
import { InvalidQuery } from "./invalid-query.js";

/** @typedef {import("./lexer.js").Token} Token */
/**
 * `parameters` are those of `quantileExactWeighted(0.5)(…)`.
 * @typedef {(
 *   | { kind: "column", name: string }
 *   | { kind: "number", text: string }
 *   | { kind: "string", value: string }
 *   | { kind: "boolean", value: boolean }
 *   | { kind: "null" }
 *   | { kind: "interval", count: number, unit: string }
 *   | { kind: "call", name: string, parameters: Expression[], arguments: Expression[], distinct: boolean }
 *   | { kind: "unary", operator: "-" | "NOT", operand: Expression }
 *   | { kind: "binary", operator: string, left: Expression, right: Expression }
 *   | { kind: "in", negated: boolean, operand: Expression, list: Expression[] }
 *   | { kind: "between", negated: boolean, operand: Expression, low: Expression, high: Expression }
 *   | { kind: "isNull", negated: boolean, operand: Expression }
 * )} Expression
 */

const MAX_DEPTH = 100;
const UNITS = ["SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"];
const COMPARISONS = ["=", "==", "!=", "<>", "<", "<=", ">", ">="];

/** Reads expressions; operators bind as in every SQL. */
export class ExpressionReader {
  text;
  /** End of the token that was taken last. */
  previousEnd = 0;
  #tokens;
  #at = 0;
  #depth = 0;

  /**
   * @param {string} text
   * @param {Token[]} tokens
   */
  constructor(text, tokens) {
    this.text = text;
    this.#tokens = tokens;
  }

  /** @returns {Expression} */
  expression() {
    return this.nested(() => this.#chain(["OR"], () => this.#chain(["AND"], () => this.#not())));
  }

  /** @template T @param {() => T} read @returns {T} */
  nested(read) {
    if (++this.#depth > MAX_DEPTH) throw new InvalidQuery("the query is nested too deeply.");
    const result = read();
    this.#depth--;
    return result;
  }

  /** @template T @param {() => T} read @returns {T[]} */
  listOf(read) {
    const list = [read()];
    while (this.takeSign(",")) list.push(read());
    return list;
  }

  /**
   * Operators of one rank, from left to right.
   * @param {string[]} operators
   * @param {() => Expression} operand
   * @returns {Expression}
   */
  #chain(operators, operand) {
    let left = operand();
    for (;;) {
      const operator = operators.find((one) => (/\w/.test(one) ? this.takeWord(one) : this.takeSign(one)));
      if (operator === undefined) return left;
      left = { kind: "binary", operator, left, right: operand() };
    }
  }

  /** @returns {Expression} */
  #not() {
    if (!this.takeWord("NOT")) return this.#comparison();
    return this.nested(() => ({ kind: "unary", operator: "NOT", operand: this.#not() }));
  }

  /** @returns {Expression} */
  #comparison() {
    let left = this.#sum();
    for (;;) {
      const operator = COMPARISONS.find((one) => this.takeSign(one));
      if (operator !== undefined) {
        left = { kind: "binary", operator: operator === "==" ? "=" : operator, left, right: this.#sum() };
        continue;
      }
      if (this.takeWord("IS")) {
        const negated = this.takeWord("NOT");
        this.expectWord("NULL");
        left = { kind: "isNull", negated, operand: left };
        continue;
      }
      const next = this.#wordOfTest();
      if (next === undefined) return left;
      left = this.#test(left, next.word, next.negated);
    }
  }

  #wordOfTest() {
    const words = ["IN", "BETWEEN", "LIKE", "ILIKE"];
    const negated = this.isWord("NOT") && words.some((word) => this.isWord(word, 1));
    if (negated) this.take();
    const word = words.find((one) => this.takeWord(one));
    return word === undefined ? undefined : { word, negated };
  }

  /**
   * @param {Expression} operand
   * @param {string} word
   * @param {boolean} negated
   * @returns {Expression}
   */
  #test(operand, word, negated) {
    if (word === "IN") {
      this.expectSign("(");
      if (this.isWord("SELECT")) throw new InvalidQuery("IN takes a list of values, not a subquery.");
      const list = this.listOf(() => this.expression());
      this.expectSign(")");
      return { kind: "in", negated, operand, list };
    }
    if (word === "BETWEEN") {
      const low = this.#sum();
      this.expectWord("AND");
      return { kind: "between", negated, operand, low, high: this.#sum() };
    }
    return { kind: "binary", operator: negated ? `NOT ${word}` : word, left: operand, right: this.#sum() };
  }

  /** @returns {Expression} */
  #sum() {
    return this.#chain(["+", "-"], () => this.#chain(["*", "/", "%"], () => this.#unary()));
  }

  /** @returns {Expression} */
  #unary() {
    if (this.takeSign("-")) return this.nested(() => ({ kind: "unary", operator: "-", operand: this.#unary() }));
    return this.#primary();
  }

  /** @returns {Expression} */
  #primary() {
    if (this.takeSign("(")) {
      if (this.isWord("SELECT")) throw new InvalidQuery("a subquery may stand after FROM only.");
      const inner = this.expression();
      this.expectSign(")");
      return inner;
    }
    const token = this.take();
    if (token.kind === "number") return { kind: "number", text: token.text };
    if (token.kind === "string") return { kind: "string", value: token.text };
    if (token.kind === "quoted") return this.#column(token.text);
    if (token.kind !== "word") throw this.unexpected("an expression", token);
    const word = token.text.toUpperCase();
    if (word === "INTERVAL") return this.#interval();
    if (word === "TRUE" || word === "FALSE") return { kind: "boolean", value: word === "TRUE" };
    if (word === "NULL") return { kind: "null" };
    if (word === "CASE") throw new InvalidQuery("unsupported expression type: CASE. Write if(condition, then, else).");
    if (word === "CAST")
      throw new InvalidQuery("unsupported expression type: CAST. There are toUInt32(), toDateTime() and others.");
    if (this.isSign("(")) return this.#call(token.text);
    return this.#column(token.text);
  }

  /**
   * A qualifier can only be the one table.
   * @param {string} name
   * @returns {Expression}
   */
  #column(name) {
    return { kind: "column", name: this.takeSign(".") ? this.name("a column") : name };
  }

  /** @returns {Expression} */
  #interval() {
    const { kind, text } = this.take();
    const count = Number(text);
    if ((kind !== "string" && kind !== "number") || text.trim() === "" || !Number.isSafeInteger(count)) {
      throw new InvalidQuery("an interval is written as INTERVAL '42' DAY, with a whole number.");
    }
    const { text: word } = this.take();
    const unit = UNITS.find((one) => one === word.toUpperCase() || `${one}S` === word.toUpperCase());
    if (!unit) throw new InvalidQuery(`an interval has one of the units ${UNITS.join(", ")}, not ${word}.`);
    return { kind: "interval", count, unit };
  }

  /**
   * @param {string} name
   * @returns {Expression}
   */
  #call(name) {
    const lower = name.toLowerCase();
    const first = this.#arguments(lower);
    if (!this.isSign("(")) return { kind: "call", name, parameters: [], ...first };
    return { kind: "call", name, parameters: first.arguments, ...this.#arguments(lower) };
  }

  /**
   * In parentheses; two functions have words between their arguments.
   * @param {string} name
   * @returns {{ arguments: Expression[], distinct: boolean }}
   */
  #arguments(name) {
    this.expectSign("(");
    if (this.takeSign(")")) return { arguments: [], distinct: false };
    if (name === "count" && this.takeSign("*")) {
      this.expectSign(")");
      return { arguments: [], distinct: false };
    }
    const distinct = this.takeWord("DISTINCT");
    /** @type {Expression[]} */
    let list;
    if (name === "extract") {
      const unit = this.take().text.toUpperCase();
      this.expectWord("FROM");
      list = [{ kind: "string", value: unit }, this.expression()];
    } else if (name === "position") {
      // `position(needle IN haystack)`, or `position(haystack, needle)`.
      const first = this.#sum();
      const isNeedle = this.takeWord("IN");
      if (!isNeedle) this.expectSign(",");
      const second = this.expression();
      list = isNeedle ? [first, second] : [second, first];
    } else {
      list = this.listOf(() => this.expression());
    }
    this.expectSign(")");
    return { arguments: list, distinct };
  }

  /** @returns {Token} */
  peek(ahead = 0) {
    return /** @type {Token} */ (this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]);
  }

  /** @returns {Token} */
  take() {
    const token = this.peek();
    if (token.kind !== "end") this.#at++;
    this.previousEnd = token.end;
    return token;
  }

  /** @param {string} word */
  isWord(word, ahead = 0) {
    const { kind, text } = this.peek(ahead);
    return kind === "word" && text.toUpperCase() === word;
  }

  /** @param {string} sign */
  isSign(sign) {
    const { kind, text } = this.peek();
    return kind === "sign" && text === sign;
  }

  /** @param {string} word */
  takeWord(word) {
    return this.isWord(word) && this.take() !== undefined;
  }

  /** @param {string} sign */
  takeSign(sign) {
    return this.isSign(sign) && this.take() !== undefined;
  }

  /** @param {string} word */
  expectWord(word) {
    if (!this.takeWord(word)) throw this.unexpected(word);
  }

  /** @param {string} sign */
  expectSign(sign) {
    if (!this.takeSign(sign)) throw this.unexpected(JSON.stringify(sign));
  }

  /** @param {string} what */
  name(what) {
    const token = this.take();
    if (token.kind !== "word" && token.kind !== "quoted") throw this.unexpected(what, token);
    return token.text;
  }

  describe(token = this.peek()) {
    return token.kind === "end" ? token.text : JSON.stringify(this.text.slice(token.at, token.end).slice(0, 40));
  }

  /** @param {string} expected */
  unexpected(expected, token = this.peek()) {
    return new InvalidQuery(`${this.describe(token)} stands where ${expected} is expected.`);
  }
}
