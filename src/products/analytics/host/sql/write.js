// @ts-check
import { quoted } from "../../../segments/host/quoted.ts";
import { functionNamed } from "./functions.js";
import { InvalidQuery } from "./invalid-query.js";

/** @typedef {import("./expressions.js").Expression} Expression */
/** @typedef {import("./functions.js").Type} Type */
/** @typedef {import("./parser.js").Select} Select */

/** Columns of every dataset, in order. @type {ReadonlyMap<string, Type>} */
export const COLUMNS = new Map([
  ["dataset", "string"],
  ["timestamp", "datetime"],
  ["_sample_interval", "number"],
  ["index1", "string"],
  ...Array.from({ length: 20 }, (_, n) => /** @type {[string, Type]} */ ([`blob${n + 1}`, "string"])),
  ...Array.from({ length: 20 }, (_, n) => /** @type {[string, Type]} */ ([`double${n + 1}`, "number"])),
]);

/**
 * What a query is written with: the SQL of a dataset's rows (throws when there is none), and the present second in UTC as
 * `YYYY-MM-DD hh:mm:ss`.
 * @typedef {{ relation(dataset: string): string, now: string }} Surroundings
 */

/**
 * The query in the database's SQL. Every name is in quotes, every text written anew, every function one of ours.
 * @param {Select} select
 * @param {Surroundings} surroundings
 * @returns {string}
 */
export function write(select, surroundings) {
  return new Writer(select, surroundings).query();
}

/** @param {string} name */
export function identifier(name) {
  return `"${name.replaceAll('"', '""')}"`;
}

class Writer {
  #select;
  #surroundings;
  /** Columns of what FROM names. @type {ReadonlyMap<string, Type>} */
  #columns = new Map();
  /** @type {Map<string, Expression>} */
  #aliases = new Map();
  /** Aliases that are being looked at: one may name itself. @type {Set<string>} */
  #resolving = new Set();
  #overTable = false;

  /**
   * @param {Select} select
   * @param {Surroundings} surroundings
   */
  constructor(select, surroundings) {
    this.#select = select;
    this.#surroundings = surroundings;
    for (const { expression, name, hasAlias } of select.items) {
      if (expression !== "*" && hasAlias) this.#aliases.set(name, expression);
    }
  }

  query() {
    const { distinct, items, where, groupBy, having, orderBy, limit, offset } = this.#select;
    const from = this.#from();
    const list = items.map(({ expression, name }) =>
      expression === "*" ? this.#star() : `${this.#write(expression)} AS ${identifier(name)}`,
    );
    return [
      `SELECT ${distinct ? "DISTINCT " : ""}${list.join(", ")}`,
      ...from,
      ...(where ? [`WHERE ${this.#write(where)}`] : []),
      ...(groupBy.length > 0 ? [`GROUP BY ${groupBy.map((one) => this.#group(one)).join(", ")}`] : []),
      ...(having ? [`HAVING ${this.#write(having)}`] : []),
      ...(orderBy.length > 0
        ? [
            `ORDER BY ${orderBy.map(({ expression, descending }) => `${this.#group(expression)}${descending ? " DESC" : ""}`).join(", ")}`,
          ]
        : []),
      ...(limit !== undefined ? [`LIMIT ${limit}`] : []),
      ...(offset !== undefined ? [`OFFSET ${offset}`] : []),
    ].join(" ");
  }

  /** Columns of the result, and what is known of them. @returns {Map<string, Type>} */
  results() {
    /** @type {Map<string, Type>} */
    const found = new Map();
    for (const { expression, name } of this.#select.items) {
      if (expression === "*") for (const [column, type] of this.#columns) found.set(column, type);
      else found.set(name, this.#type(expression));
    }
    return found;
  }

  #from() {
    const { source } = this.#select;
    if (source === undefined) return [];
    if ("table" in source) {
      this.#columns = COLUMNS;
      this.#overTable = true;
      return [`FROM ${this.#surroundings.relation(source.table)}`];
    }
    const inner = new Writer(source.query, this.#surroundings);
    const sql = inner.query();
    this.#columns = inner.results();
    return [`FROM (${sql})`];
  }

  #star() {
    if (this.#select.source === undefined) throw new InvalidQuery("there is nothing to select * from.");
    return "*";
  }

  /**
   * An alias stands before a column of the same name, as in `SELECT toStartOfHour(timestamp) AS timestamp … GROUP BY timestamp`;
   * the database has it the other way, so it is told the item's number.
   * @param {Expression} expression
   */
  #group(expression) {
    const { items } = this.#select;
    if (expression.kind === "number")
      throw new InvalidQuery("GROUP BY and ORDER BY take expressions, not numbers of columns.");
    if (expression.kind === "column" && items.every((item) => item.expression !== "*")) {
      const position = items.findIndex(({ name, hasAlias }) => hasAlias && name === expression.name);
      if (position >= 0) return String(position + 1);
    }
    return this.#write(expression);
  }

  /** @param {Expression} node @returns {string} */
  #write(node) {
    switch (node.kind) {
      case "column":
        return this.#column(node.name);
      case "number":
        // With an exponent it is floating, without one it would be decimal.
        return /^\d+$/.test(node.text) ? node.text : `${Number(node.text).toExponential()}`;
      case "string":
        return quoted(node.value);
      case "boolean":
        return String(node.value);
      case "null":
        return "NULL";
      case "interval":
        return `INTERVAL '${node.count} ${node.unit}'`;
      case "unary":
        return `(${node.operator} ${this.#write(node.operand)})`;
      case "in":
        return `(${this.#write(node.operand)} ${node.negated ? "NOT " : ""}IN (${node.list.map((one) => this.#write(one)).join(", ")}))`;
      case "between": {
        const [operand, low, high] = [node.operand, node.low, node.high];
        const comparable = (/** @type {Expression} */ bound) => this.#comparable(bound, operand);
        return `(${this.#write(operand)} ${node.negated ? "NOT " : ""}BETWEEN ${comparable(low)} AND ${comparable(high)})`;
      }
      case "isNull":
        return `(${this.#write(node.operand)} IS ${node.negated ? "NOT " : ""}NULL)`;
      case "binary":
        return this.#binary(node);
      case "call":
        return this.#call(node);
    }
  }

  /** @param {string} name */
  #column(name) {
    if (!this.#columns.has(name) && !this.#aliases.has(name)) {
      const near = [...this.#columns.keys()].find((column) => column.toLowerCase() === name.toLowerCase());
      throw new InvalidQuery(
        `unable to find column ${JSON.stringify(name)}.${near ? ` Write ${near}.` : ""} A text stands in single quotes.`,
      );
    }
    return identifier(name);
  }

  /** @param {Expression & { kind: "binary" }} node */
  #binary({ operator, left, right }) {
    const types = [this.#type(left), this.#type(right)];
    const sql = () => `(${this.#write(left)} ${operator} ${this.#write(right)})`;
    const isTime = (/** @type {number} */ side) => types[side] === "datetime";
    if (operator === "+" || operator === "-") {
      if (isTime(0) && isTime(1) && operator === "-")
        return `CAST(epoch(${this.#write(left)} - ${this.#write(right)}) AS BIGINT)`;
      // Seconds.
      if (isTime(0) && types[1] === "number")
        return `(${this.#write(left)} ${operator} to_seconds(CAST(${this.#write(right)} AS BIGINT)))`;
      return sql();
    }
    if (["=", "!=", "<>", "<", "<=", ">", ">="].includes(operator) && (isTime(0) || isTime(1))) {
      return `(${this.#comparable(left, right)} ${operator} ${this.#comparable(right, left)})`;
    }
    return sql();
  }

  /** A time may be compared with a number of seconds or a text. @param {Expression} node @param {Expression} other */
  #comparable(node, other) {
    const type = this.#type(node);
    const sql = this.#write(node);
    return this.#type(other) === "datetime" && (type === "number" || type === "string") ? `fh_datetime(${sql})` : sql;
  }

  /** @param {Expression & { kind: "call" }} node */
  #call(node) {
    const found = functionNamed(node.name);
    const [least, most] = found.arguments;
    const { length } = node.arguments;
    if (length < least || length > most) {
      throw new InvalidQuery(
        `${node.name}() takes ${least === most ? least : `${least} to ${most}`} arguments, not ${length}.`,
      );
    }
    if (node.distinct && !found.distinct) throw new InvalidQuery(`${node.name}() takes no DISTINCT.`);
    if (node.parameters.length > (found.parameter ? 1 : 0)) {
      throw new InvalidQuery(`${node.name}() takes its arguments in one pair of parentheses.`);
    }
    const argument = (/** @type {number} */ index) => /** @type {Expression} */ (node.arguments[index]);
    return found.make({
      count: length,
      distinct: node.distinct,
      parameters: node.parameters,
      overTable: this.#overTable,
      now: this.#surroundings.now,
      sql: (index) => this.#write(argument(index)),
      type: (index) => this.#type(argument(index)),
      node: (index) => node.arguments[index],
    });
  }

  /** @param {Expression} node @returns {Type} */
  #type(node) {
    switch (node.kind) {
      case "column": {
        const known = this.#columns.get(node.name);
        if (known !== undefined) return known;
        const alias = this.#aliases.get(node.name);
        if (!alias || this.#resolving.has(node.name)) return "unknown";
        this.#resolving.add(node.name);
        const type = this.#type(alias);
        this.#resolving.delete(node.name);
        return type;
      }
      case "string":
        return "string";
      case "binary": {
        if (!["+", "-"].includes(node.operator)) return "number";
        const types = [this.#type(node.left), this.#type(node.right)];
        if (types.every((type) => type === "datetime")) return "number";
        return types.includes("datetime") ? "datetime" : types.includes("unknown") ? "unknown" : "number";
      }
      case "call": {
        const { type } = functionNamed(node.name);
        const inner = { min: 0, max: 0, if: 1, argmax: 0, argmin: 0, first_value: 0, last_value: 0 }[
          node.name.toLowerCase()
        ];
        const argument = inner === undefined ? undefined : node.arguments[inner];
        return argument ? this.#type(argument) : type;
      }
      case "interval":
      case "null":
        return "unknown";
      default:
        return "number";
    }
  }
}
