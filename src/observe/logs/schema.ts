/** Bodies of the query API, as the SDK sends them; older clients write operators in capitals or as signs. */
import { z } from "zod";
import type { Filter, FilterGroup, Needle, Operation, Operator } from "./host/requests.ts";
import {
  DEFAULT_LISTED,
  MAX_CALCULATIONS,
  MAX_FILTER_DEPTH,
  MAX_FILTERS,
  MAX_GRANULARITY,
  MAX_GROUP_BYS,
  MAX_KEY_CHARS,
  MAX_LISTED,
  MAX_RESULTS,
  MAX_VALUE_CHARS,
} from "./limits.ts";

// The engine's SQL is text, which this sign ends.
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes("\0"), "must not have the character U+0000");
const key = text(MAX_KEY_CHARS).min(1);
const type = z.enum(["string", "number", "boolean"]);
const value = z.union([text(MAX_VALUE_CHARS), z.number(), z.boolean()]);
const timestamp = z.number().int().min(0).max(8.64e15);
const timeframe = z
  .object({ from: timestamp, to: timestamp })
  .refine(({ from, to }) => from <= to, "from must not be after to");

const operations: Record<string, Operation> = {
  "=": "eq",
  "!=": "neq",
  ">": "gt",
  ">=": "gte",
  "<": "lt",
  "<=": "lte",
  does_not_include: "not_includes",
  match_regex: "regex",
  does_not_exist: "is_null",
};
const known: readonly Operation[] = [
  ...(["includes", "not_includes", "starts_with", "ends_with", "regex", "exists", "is_null", "in", "not_in"] as const),
  ...(["eq", "neq", "gt", "gte", "lt", "lte"] as const),
];
const operation = z.string().transform((given, context) => {
  const lower = given.toLowerCase();
  const found = operations[lower] ?? known.find((one) => one === lower);
  if (found) return found;
  context.addIssue(`there is no operation ${JSON.stringify(given.slice(0, 50))}; there are ${known.join(", ")}`);
  return z.NEVER;
});

const leaf = z
  .object({ kind: z.literal("filter"), key, operation, type, value: value.nullish() })
  .transform((one): Filter => ({ ...one, value: one.value ?? undefined }));
const combination = z
  .enum(["and", "or", "AND", "OR"])
  .transform((one): "and" | "or" => (one.toLowerCase() === "or" ? "or" : "and"));
const group = z.object({
  kind: z.literal("group"),
  filterCombination: combination,
  filters: z.lazy(() => z.array(filter)),
});
/** Filters need not say that they are some. */
const filter: z.ZodType<Filter> = z.preprocess(
  (given) => (typeof given === "object" && given !== null && !("kind" in given) ? { ...given, kind: "filter" } : given),
  z.discriminatedUnion("kind", [group, leaf]),
);

/** Looked at before anything else: what reads groups calls itself for each level. */
function isShallow(filters: unknown, levels = MAX_FILTER_DEPTH + 1): boolean {
  if (!Array.isArray(filters)) return true;
  return levels > 0 && filters.every((one) => isShallow((one as { filters?: unknown } | null)?.filters, levels - 1));
}

/** A group of none is one, too. */
function countOf(filters: readonly Filter[]): number {
  return filters.reduce((sum, one) => sum + (one.kind === "group" ? Math.max(1, countOf(one.filters)) : 1), 0);
}

const filters = z
  .preprocess((given, context) => {
    if (isShallow(given)) return given;
    context.addIssue(`groups may be ${MAX_FILTER_DEPTH} deep`);
    return z.NEVER;
  }, z.array(filter))
  .refine((all) => countOf(all) <= MAX_FILTERS, `there may be ${MAX_FILTERS} filters`);

const needle = z.object({ value, isRegex: z.boolean().optional(), matchCase: z.boolean().optional() }).transform(
  (one): Needle => ({
    value: String(one.value),
    isRegex: one.isRegex ?? false,
    matchCase: one.matchCase ?? false,
  }),
);

const operators: Record<string, Operator> = { count_distinct: "uniq", p50: "median" };
const knownOperators: readonly Operator[] = [
  ...(["count", "uniq", "max", "min", "sum", "avg", "median", "stddev", "variance"] as const),
  ...(["p001", "p01", "p05", "p10", "p25", "p75", "p90", "p95", "p99", "p999"] as const),
];
const calculation = z
  .object({ operator: z.string(), key: key.nullish(), keyType: type.optional(), alias: text(200).optional() })
  .transform(({ operator: asked, alias, ...one }, context) => {
    const lower = asked.toLowerCase();
    const operator = operators[lower] ?? knownOperators.find((other) => other === lower);
    if (!operator) {
      context.addIssue(
        `there is no operator ${JSON.stringify(asked.slice(0, 50))}; there are ${knownOperators.join(", ")}`,
      );
      return z.NEVER;
    }
    if (operator !== "count" && !one.key) {
      context.addIssue(`the calculation ${asked} needs a key`);
      return z.NEVER;
    }
    // What is counted may be of any type, all else is numbers.
    const keyType = one.keyType ?? (operator === "uniq" ? "string" : "number");
    return { asked, operator, key: one.key ?? undefined, keyType, alias };
  });

const order = z.object({ value: text(200), order: z.enum(["asc", "desc"]).optional() });
const having = z.object({
  key: text(200),
  operation: z.enum(["eq", "neq", "gt", "gte", "lt", "lte"]),
  value: z.number(),
});
const limit = (max: number) =>
  z
    .number()
    .int()
    .min(1)
    .transform((given) => Math.min(given, max));
const datasets = z.array(z.string().max(200)).max(20).optional();

const Parameters = z.object({
  calculations: z.array(calculation).max(MAX_CALCULATIONS).optional(),
  datasets,
  filterCombination: combination.optional(),
  filters: filters.optional(),
  groupBys: z
    .array(z.object({ type, value: key }))
    .max(MAX_GROUP_BYS)
    .optional(),
  havings: z.array(having).max(MAX_CALCULATIONS).optional(),
  limit: limit(MAX_RESULTS).optional(),
  needle: needle.nullish(),
  orderBy: order.nullish(),
});

export const Query = z.object({
  queryId: z.string().max(200),
  timeframe,
  chart: z.boolean().optional(),
  chartType: z.enum(["timeseries_and_aggregate", "timeseries", "aggregate", "distribution"]).optional(),
  compare: z.boolean().optional(),
  dry: z.boolean().optional(),
  granularity: z.number().int().min(1).max(MAX_GRANULARITY).optional(),
  ignoreSeries: z.boolean().optional(),
  limit: limit(MAX_RESULTS).optional(),
  offset: text(200).nullish(),
  offsetBy: z.number().int().min(0).max(1_000_000).optional(),
  offsetDirection: z.enum(["next", "prev"]).nullish(),
  parameters: Parameters.optional(),
  view: z.enum(["traces", "events", "calculations", "invocations", "requests", "agents"]).optional(),
});
export type Query = z.infer<typeof Query>;

export const Keys = z.object({
  datasets,
  filters: filters.optional(),
  from: timestamp.optional(),
  to: timestamp.optional(),
  keyNeedle: needle.nullish(),
  needle: needle.nullish(),
  limit: limit(MAX_LISTED).default(1000),
});
export type Keys = z.infer<typeof Keys>;

export const Values = z.object({
  datasets,
  key,
  type,
  timeframe,
  filters: filters.optional(),
  needle: needle.nullish(),
  limit: limit(MAX_LISTED).default(DEFAULT_LISTED),
});
export type Values = z.infer<typeof Values>;

export function allOf(all: readonly Filter[] | undefined, filterCombination: "and" | "or" = "and"): FilterGroup {
  return { kind: "group", filterCombination, filters: [...(all ?? [])] };
}
