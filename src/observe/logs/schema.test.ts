import { expect, test } from "vitest";
import { bucketMs, calculationsRequest } from "./ask.ts";
import { MAX_FILTERS, MAX_RESULTS } from "./limits.ts";
import { Query } from "./schema.ts";

const timeframe = { from: 0, to: 3_600_000 };
const parse = (parameters: object) => Query.parse({ queryId: "q", timeframe, parameters }).parameters;
const problem = (parameters: object, more: object = {}) =>
  Query.safeParse({ queryId: "q", timeframe, parameters, ...more }).error?.issues[0]?.message;
const leaf = { key: "a", operation: "eq", type: "string", value: "b" };

test("operators of older clients are those of today", () => {
  const operations = ["=", "DOES_NOT_INCLUDE", "MATCH_REGEX", "DOES_NOT_EXIST", "NOT_IN", "STARTS_WITH", "<="];
  const filters = operations.map((operation) => ({ ...leaf, operation }));
  expect(parse({ filters })?.filters?.map((one) => (one.kind === "filter" ? one.operation : ""))).toEqual([
    ...["eq", "not_includes", "regex", "is_null", "not_in", "starts_with", "lte"],
  ]);
  const calculations = ["COUNT", "COUNT_DISTINCT", "P99"].map((operator) => ({ operator, key: "a" }));
  expect(parse({ calculations })?.calculations).toMatchObject([
    { operator: "count", asked: "COUNT" },
    { operator: "uniq", keyType: "string" },
    { operator: "p99", keyType: "number" },
  ]);
});

test("groups hold filters and groups", () => {
  const inner = { kind: "group", filterCombination: "AND", filters: [leaf] };
  const filters = [{ kind: "group", filterCombination: "OR", filters: [leaf, inner] }];
  expect(parse({ filters })?.filters).toMatchObject([
    {
      kind: "group",
      filterCombination: "or",
      filters: [
        { kind: "filter", key: "a" },
        { kind: "group", filterCombination: "and" },
      ],
    },
  ]);
});

test("a limit is cut to what there may be", () => {
  expect(parse({ limit: 1e6 })?.limit).toBe(MAX_RESULTS);
});

const nested = (depth: number): object =>
  depth === 0 ? leaf : { kind: "group", filterCombination: "and", filters: [nested(depth - 1)] };

test.each<[string, object, RegExp]>([
  [
    "an unknown operation",
    { filters: [{ ...leaf, operation: "near" }] },
    /there is no operation "near"; there are includes, /,
  ],
  ["an unknown operator", { calculations: [{ operator: "mode" }] }, /there is no operator "mode"; there are count, /],
  ["a sum of nothing", { calculations: [{ operator: "sum" }] }, /the calculation sum needs a key/],
  ["a sign that no key has", { filters: [{ ...leaf, key: "a\0" }] }, /U\+0000/],
  ["too many filters", { filters: Array.from({ length: MAX_FILTERS + 1 }, () => leaf) }, /there may be 50 filters/],
  ["groups too deep", { filters: [nested(5)] }, /groups may be 4 deep/],
  ["groups deeper than anybody can read", { filters: [nested(2_000)] }, /groups may be 4 deep/],
  [
    "too many groups of nothing",
    { filters: Array.from({ length: MAX_FILTERS + 1 }, () => ({ ...nested(1), filters: [] })) },
    /there may be 50 filters/,
  ],
])("%s is refused", (_name, parameters, message) => {
  expect(problem(parameters)).toMatch(message);
});

test("groups may be as deep as the original's", () => {
  expect(problem({ filters: [nested(4)] })).toBeUndefined();
});

test("a time that ends before it begins is refused", () => {
  expect(problem({}, { timeframe: { from: 2, to: 1 } })).toMatch(/from must not be after to/);
});

test("a series has points that people can read, or as many as were asked for", () => {
  expect(bucketMs({ timeframe })).toBe(60_000);
  expect(bucketMs({ timeframe: { from: 0, to: 7 * 86_400_000 } })).toBe(3 * 3_600_000);
  expect(bucketMs({ timeframe, granularity: 7 })).toBe(514_286);
});

test("without a calculation events are counted", () => {
  const request = calculationsRequest(
    "a",
    Query.parse({ queryId: "q", timeframe, view: "calculations", parameters: {} }),
  );
  expect(request).toMatchObject({ calculations: [{ operator: "count" }], limit: 10, offset: 0, aggregates: true });
});
