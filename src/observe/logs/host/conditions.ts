/** Which events, in SQL. */
import { quoted } from "../../../products/segments/host/quoted.ts";
import { Refusal } from "../../../products/segments/host/refusal.ts";
import { hintOf, textOf, typedOf } from "./keys.ts";
import type { Filter, FilterGroup, FilterLeaf, Needle, Selection, Timeframe } from "./requests.ts";

export function conditionOf({ accountId, timeframe, filters, needle }: Selection): string {
  const parts = [inTime(timeframe)];
  if (filters.filters.length > 0) parts.push(ofGroup(filters, accountId));
  if (needle) parts.push(ofNeedle(needle));
  return parts.join(" AND ");
}

export function inTime({ from, to }: Timeframe): string {
  return `t BETWEEN ${from} AND ${to}`;
}

function ofFilter(filter: Filter, accountId: string): string {
  return filter.kind === "group" ? ofGroup(filter, accountId) : ofLeaf(filter, accountId);
}

function ofGroup({ filterCombination, filters }: FilterGroup, accountId: string): string {
  if (filters.length === 0) return "true";
  const word = filterCombination === "or" ? " OR " : " AND ";
  return `(${filters.map((filter) => ofFilter(filter, accountId)).join(word)})`;
}

/** An event without the key meets the conditions that say what it is not. */
function ofLeaf(leaf: FilterLeaf, accountId: string): string {
  const condition = exactly(leaf, accountId);
  const hint = isNegative(leaf) ? undefined : hintOf(leaf.key);
  return hint === undefined ? condition : `(${hint} AND ${condition})`;
}

const isNegative = ({ operation }: FilterLeaf) => ["neq", "not_in", "not_includes", "is_null"].includes(operation);

function exactly(leaf: FilterLeaf, accountId: string): string {
  const { key, operation, value } = leaf;
  const text = textOf(key, accountId);
  const own = typedOf(key, leaf.type, accountId);
  if (operation === "exists") return `${text} IS NOT NULL`;
  if (operation === "is_null") return `${text} IS NULL`;
  if (value === undefined) throw new Refusal(`the filter of ${key} with ${operation} has no value.`);
  const given = quoted(String(value));
  switch (operation) {
    case "eq":
      return positive(`${own} = ${literal(leaf, value)}`);
    case "neq":
      return `${own} IS DISTINCT FROM ${literal(leaf, value)}`;
    case "gt":
      return positive(`${own} > ${literal(leaf, value)}`);
    case "gte":
      return positive(`${own} >= ${literal(leaf, value)}`);
    case "lt":
      return positive(`${own} < ${literal(leaf, value)}`);
    case "lte":
      return positive(`${own} <= ${literal(leaf, value)}`);
    case "in":
      return positive(`${own} IN (${members(leaf, value)})`);
    case "not_in":
      return `coalesce(${own} NOT IN (${members(leaf, value)}), true)`;
    case "includes":
      return positive(`contains(${text}, ${given})`);
    case "not_includes":
      return `coalesce(NOT contains(${text}, ${given}), true)`;
    case "starts_with":
      return positive(`starts_with(${text}, ${given})`);
    case "ends_with":
      return positive(`ends_with(${text}, ${given})`);
    case "regex":
      return positive(`regexp_matches(${text}, ${given})`);
  }
}

const positive = (condition: string) => `coalesce(${condition}, false)`;

/** A value is compared as the type of its key. */
function literal({ key, type }: FilterLeaf, value: string | number | boolean): string {
  if (type !== "number") return quoted(String(value));
  const number = typeof value === "string" && value.trim() === "" ? Number.NaN : Number(value);
  if (!Number.isFinite(number)) throw new Refusal(`the filter of ${key} compares numbers, and ${value} is none.`);
  return `${number}::DOUBLE`;
}

/** Separated by commas. */
function members(leaf: FilterLeaf, value: string | number | boolean): string {
  return String(value)
    .split(",")
    .map((part) => literal(leaf, part.trim()))
    .join(", ");
}

/** Free text is looked for in all that an event has: `source` has its message, `$workers` what it was of. */
function ofNeedle({ value, isRegex, matchCase }: Needle): string {
  if (isRegex) {
    const pattern = quoted(matchCase ? value : `(?i)${value}`);
    const found = ["message", "source", "workers", "error"].map((column) => `regexp_matches(${column}, ${pattern})`);
    return positive(`(${found.join(" OR ")})`);
  }
  const inJson = JSON.stringify(value).slice(1, -1);
  const found = [
    ["source", inJson],
    ["workers", inJson],
    ["coalesce(error, '')", value],
  ].map(([column = "", text = ""]) =>
    matchCase ? `contains(${column}, ${quoted(text)})` : `contains(lower(${column}), lower(${quoted(text)}))`,
  );
  return `(${found.join(" OR ")})`;
}
