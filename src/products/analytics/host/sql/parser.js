// @ts-check
/**
 * Reads the SQL API's statements: `SELECT` over one table or subquery, and `SHOW` (`workers-semantics.md` 19). What is not in
 * this grammar does not reach the database: a query is written anew from what was understood.
 */
import { ExpressionReader } from "./expressions.js";
import { InvalidQuery } from "./invalid-query.js";
import { tokensOf } from "./lexer.js";

/** @typedef {import("./expressions.js").Expression} Expression */
/** @typedef {{ expression: Expression | "*", name: string, hasAlias: boolean }} Item `name` is that of the column. */
/** @typedef {{ table: string } | { query: Select } | undefined} Source */
/**
 * @typedef {{
 *   distinct: boolean, items: Item[], source: Source, where: Expression | undefined, groupBy: Expression[],
 *   having: Expression | undefined, orderBy: { expression: Expression, descending: boolean }[],
 *   limit: number | undefined, offset: number | undefined,
 * }} Select
 */
/** @typedef {"JSON" | "JSONEachRow" | "TabSeparated"} Format */
/** @typedef {({ kind: "select", select: Select } | { kind: "show", what: "TABLES" | "TIMEZONE" | "TIMEZONES" }) & { format: Format }} Statement */

/** @type {readonly Format[]} */
const FORMATS = ["JSON", "JSONEachRow", "TabSeparated"];
const SHOWN = /** @type {const} */ (["TABLES", "TIMEZONE", "TIMEZONES"]);
/** Words that end an expression, and so are no alias. */
const CLAUSES = new Set([
  "FROM",
  "WHERE",
  "GROUP",
  "HAVING",
  "ORDER",
  "LIMIT",
  "OFFSET",
  "FORMAT",
  "AS",
  "ASC",
  "DESC",
]);
const REFUSED = new Set([
  "JOIN",
  "UNION",
  "INTERSECT",
  "EXCEPT",
  "WITH",
  "WINDOW",
  "QUALIFY",
  "PREWHERE",
  "SAMPLE",
  "INTO",
  "SETTINGS",
]);

/**
 * @param {string} text
 * @returns {Statement}
 */
export function parse(text) {
  const parser = new Parser(text);
  return parser.statement();
}

class Parser extends ExpressionReader {
  /** @param {string} text */
  constructor(text) {
    super(text, tokensOf(text));
  }

  /** @returns {Statement} */
  statement() {
    if (this.takeWord("SHOW")) {
      const what = SHOWN.find((word) => this.takeWord(word));
      if (!what) throw this.unexpected(`SHOW ${SHOWN.join(", SHOW ")}`);
      return this.#end({ kind: "show", what });
    }
    if (!this.isWord("SELECT")) {
      throw new InvalidQuery(
        `a query begins with SELECT or SHOW, not with ${this.describe()}. Data is written by Workers alone.`,
      );
    }
    return this.#end({ kind: "select", select: this.select() });
  }

  /**
   * @template {{ kind: string }} T
   * @param {T} statement
   * @returns {T & { format: Format }}
   */
  #end(statement) {
    /** @type {Format} */
    let format = "JSON";
    if (this.takeWord("FORMAT")) {
      const { text } = this.take();
      const known = FORMATS.find((name) => name === text);
      if (!known)
        throw new InvalidQuery(`the format ${JSON.stringify(text)} is not known. There are ${FORMATS.join(", ")}.`);
      format = known;
    }
    if (this.peek().kind !== "end") throw this.unexpected("the end of the query");
    return { ...statement, format };
  }

  /** @returns {Select} */
  select() {
    return this.nested(() => {
      this.expectWord("SELECT");
      const distinct = this.takeWord("DISTINCT");
      const items = this.listOf(() => this.#item());
      const source = this.takeWord("FROM") ? this.#source() : undefined;
      const where = this.takeWord("WHERE") ? this.expression() : undefined;
      const groupBy = this.#by("GROUP") ? this.listOf(() => this.expression()) : [];
      const having = this.takeWord("HAVING") ? this.expression() : undefined;
      const orderBy = this.#by("ORDER") ? this.listOf(() => this.#order()) : [];
      let limit;
      let offset;
      if (this.takeWord("LIMIT") && !this.takeWord("ALL")) limit = this.#count("LIMIT");
      if (this.takeWord("OFFSET")) offset = this.#count("OFFSET");
      this.#refuseOthers();
      return { distinct, items, source, where, groupBy, having, orderBy, limit, offset };
    });
  }

  /** @param {"GROUP" | "ORDER"} word */
  #by(word) {
    if (!this.takeWord(word)) return false;
    this.expectWord("BY");
    return true;
  }

  #refuseOthers() {
    const { kind, text } = this.peek();
    const word = text.toUpperCase();
    if (kind === "word" && REFUSED.has(word)) {
      throw new InvalidQuery(`${word} is not supported: a query reads one table or subquery.`);
    }
  }

  /** @returns {Item} */
  #item() {
    if (this.takeSign("*")) return { expression: "*", name: "*", hasAlias: false };
    const { at } = this.peek();
    const expression = this.expression();
    const written = this.text.slice(at, this.previousEnd);
    const name = expression.kind === "column" ? expression.name : written.replace(/\s+/g, " ");
    if (this.takeWord("AS")) return { expression, name: this.name("an alias"), hasAlias: true };
    const { kind, text } = this.peek();
    const isAlias =
      kind === "quoted" || (kind === "word" && !CLAUSES.has(text.toUpperCase()) && !REFUSED.has(text.toUpperCase()));
    return isAlias
      ? { expression, name: this.name("an alias"), hasAlias: true }
      : { expression, name, hasAlias: false };
  }

  /** @returns {Source} */
  #source() {
    /** @type {Source} */
    let source;
    if (this.takeSign("(")) {
      source = { query: this.select() };
      this.expectSign(")");
    } else {
      source = { table: this.name("the name of a dataset") };
      if (this.isSign("(")) throw new InvalidQuery(`${source.table}() is no table: FROM takes the name of a dataset.`);
      if (this.isSign(".")) throw new InvalidQuery("datasets have no schema before their name.");
    }
    // A name for it, which nothing else needs.
    const { kind, text } = this.peek();
    if (this.takeWord("AS")) this.name("an alias");
    else if (
      kind === "quoted" ||
      (kind === "word" && !CLAUSES.has(text.toUpperCase()) && !REFUSED.has(text.toUpperCase()))
    )
      this.take();
    if (this.isSign(",")) throw new InvalidQuery("a query reads one table or subquery.");
    this.#refuseOthers();
    return source;
  }

  #order() {
    const expression = this.expression();
    const descending = this.takeWord("DESC");
    if (!descending) this.takeWord("ASC");
    return { expression, descending };
  }

  /** @param {string} clause */
  #count(clause) {
    const { kind, text } = this.take();
    const value = Number(text);
    if (kind !== "number" || !Number.isSafeInteger(value)) throw new InvalidQuery(`${clause} takes a whole number.`);
    return value;
  }
}
