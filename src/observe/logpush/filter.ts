import { isObject } from "../../lib/is-object.ts";
import { badJob } from "./errors.ts";
import { type FieldName, fields, isField, type LogRecord } from "./fields.ts";
import { logpushLimits } from "./limits.ts";

/** Whether a record is wanted. */
export type Filter = (record: LogRecord) => boolean;

type Compare = (value: never, wanted: never) => boolean;

const texts: Record<string, Compare> = {
  eq: (value: string, wanted: string) => value === wanted,
  startsWith: (value: string, wanted: string) => value.startsWith(wanted),
  endsWith: (value: string, wanted: string) => value.endsWith(wanted),
  contains: (value: string, wanted: string) => value.includes(wanted),
  in: (value: string, wanted: string[]) => wanted.includes(value),
};

const numbers: Record<string, Compare> = {
  eq: (value: number, wanted: number) => value === wanted,
  lt: (value: number, wanted: number) => value < wanted,
  leq: (value: number, wanted: number) => value <= wanted,
  gt: (value: number, wanted: number) => value > wanted,
  geq: (value: number, wanted: number) => value >= wanted,
  in: (value: number, wanted: number[]) => wanted.includes(value),
};

const lists: Record<string, Compare> = {
  contains: (value: unknown[], wanted: string) => value.includes(wanted),
};

/** What may be asked of a field. Objects, and lists of them, cannot be filtered by. */
const operatorsOf: Partial<Record<FieldName, Record<string, Compare>>> = Object.fromEntries(
  Object.entries(fields).flatMap(([name, { type }]) => {
    if (type === "string") return [[name, texts]];
    if (type === "int") return [[name, numbers]];
    return name === "ScriptTags" ? [[name, lists]] : [];
  }),
);

/** Those that have a negation, with `!` before them. */
const negated = new Set(["eq", "startsWith", "endsWith", "contains", "in"]);

/** Reads a filter: `{"where": …}` as text. Error 1004 says what is wrong with it. */
export function readFilter(text: string): Filter {
  if (Buffer.byteLength(text) > logpushLimits.filterBytes)
    throw bad(`it has more than ${logpushLimits.filterBytes} bytes`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw bad("it is no JSON");
  }
  if (!isObject(parsed) || Object.keys(parsed).join() !== "where") throw bad('it must be {"where": …}');
  const budget = { operators: 0 };
  return readNode(parsed.where, budget);
}

function readNode(node: unknown, budget: { operators: number }): Filter {
  if (++budget.operators > logpushLimits.filterOperators)
    throw bad(`it has more than ${logpushLimits.filterOperators} operators`);
  if (!isObject(node)) throw bad('a condition must be {"key", "operator", "value"}, {"and": […]} or {"or": […]}');
  const names = Object.keys(node).sort().join();
  if (names === "and" || names === "or") {
    const list = node[names];
    if (!Array.isArray(list) || list.length === 0) throw bad(`"${names}" must have a list of conditions`);
    const filters = list.map((entry) => readNode(entry, budget));
    return names === "and"
      ? (record) => filters.every((filter) => filter(record))
      : (record) => filters.some((filter) => filter(record));
  }
  if (names !== "key,operator,value")
    throw bad('a condition must be {"key", "operator", "value"}, {"and": […]} or {"or": […]}');
  return readCondition(node.key, node.operator, node.value);
}

function readCondition(key: unknown, operator: unknown, value: unknown): Filter {
  if (typeof key !== "string" || !isField(key)) throw bad(`there is no field ${quoted(key)}`);
  const operators = operatorsOf[key];
  if (!operators) throw bad(`field ${key} cannot be filtered by: it is no text and no number`);
  const name = typeof operator === "string" ? operator.replace(/^!/, "") : "";
  const isNegated = typeof operator === "string" && operator.startsWith("!");
  const compare = Object.hasOwn(operators, name) && (!isNegated || negated.has(name)) ? operators[name] : undefined;
  if (!compare) throw bad(`field ${key} does not know the operator ${quoted(operator)}`);
  const read = fields[key].type === "int" ? numberOf : textOf;
  const wanted = name === "in" ? listOf(key, value).map((entry) => read(key, entry)) : read(key, value);
  return (record) => compare(record[key] as never, wanted as never) !== isNegated;
}

function listOf(key: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw bad(`the value for ${key} must be a list, as in [1, 2]`);
  return value;
}

function textOf(key: string, value: unknown): string {
  if (typeof value !== "string") throw bad(`the value for ${key} must be a text`);
  return value;
}

/** The original's own examples write numbers as texts, too. */
function numberOf(key: string, value: unknown): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) throw bad(`the value for ${key} must be a number`);
  return number;
}

const quoted = (value: unknown) => JSON.stringify(value)?.slice(0, 60) ?? "undefined";

const bad = (why: string) => badJob(`The filter is not valid: ${why}.`);
