import { expect, test } from "vitest";
import type { LogRecord } from "./fields.ts";
import { readFilter } from "./filter.ts";

const record = {
  Outcome: "exception",
  EventType: "fetch",
  ScriptName: "my-worker",
  ScriptTags: ["red", "blue"],
  WallTimeMs: 30,
} as unknown as LogRecord;

const condition = (key: string, operator: string, value: unknown) => ({ key, operator, value });
const matches = (where: unknown) => readFilter(JSON.stringify({ where }))(record);

test.each([
  ["Outcome", "eq", "exception", true],
  ["Outcome", "eq", "ok", false],
  ["Outcome", "!eq", "ok", true],
  ["ScriptName", "startsWith", "my", true],
  ["ScriptName", "!startsWith", "my", false],
  ["ScriptName", "endsWith", "worker", true],
  ["ScriptName", "!endsWith", "worker", false],
  ["ScriptName", "contains", "-", true],
  ["ScriptName", "!contains", "-", false],
  ["ScriptTags", "contains", "red", true],
  ["ScriptTags", "!contains", "green", true],
  ["Outcome", "in", ["ok", "exception"], true],
  ["Outcome", "!in", ["ok", "exception"], false],
  ["WallTimeMs", "eq", 30, true],
  ["WallTimeMs", "lt", 30, false],
  ["WallTimeMs", "leq", "30", true],
  ["WallTimeMs", "gt", 29, true],
  ["WallTimeMs", "geq", 31, false],
  ["WallTimeMs", "in", [1, 30], true],
])("%s %s %j: %j", (key, operator, value, expected) => {
  expect(matches(condition(key, operator, value))).toBe(expected);
});

test("conditions are joined, and that again", () => {
  const yes = condition("Outcome", "eq", "exception");
  const no = condition("Outcome", "eq", "ok");
  expect(matches({ and: [yes, no] })).toBe(false);
  expect(matches({ or: [no, yes] })).toBe(true);
  expect(matches({ and: [yes, { or: [no, { and: [yes, yes] }] }] })).toBe(true);
});

test.each([
  ["nonsense", /it is no JSON/],
  ["{}", /must be \{"where"/],
  [JSON.stringify({ where: { and: [] } }), /"and" must have a list/],
  [JSON.stringify({ where: { key: "Outcome" } }), /a condition must be/],
  [JSON.stringify({ where: condition("ClientIP", "eq", "x") }), /no field "ClientIP"/],
  [JSON.stringify({ where: condition("Event", "contains", "x") }), /Event cannot be filtered by/],
  [JSON.stringify({ where: condition("Outcome", "lt", "x") }), /Outcome does not know the operator "lt"/],
  [JSON.stringify({ where: condition("WallTimeMs", "!lt", 1) }), /operator "!lt"/],
  [JSON.stringify({ where: condition("WallTimeMs", "eq", "fast") }), /must be a number/],
  [JSON.stringify({ where: condition("Outcome", "in", "ok,exception") }), /must be a list/],
  [JSON.stringify({ where: condition("Outcome", "constructor", "x") }), /operator "constructor"/],
  [JSON.stringify({ where: condition("Outcome", "eq", "x".repeat(1000)) }), /more than 1000 bytes/],
])("%s is refused", (text, message) => {
  expect(() => readFilter(text)).toThrow(message);
});

test("a filter has a bounded number of operators", () => {
  let where: unknown = condition("WallTimeMs", "eq", 1);
  for (let depth = 0; depth < 29; depth++) where = { or: [where] };
  expect(matches(where)).toBe(false);
  expect(() => matches({ or: [where] })).toThrow(/more than 30 operators/);
});
