import { expect, test } from "vitest";
import { readInspection } from "./inspection.ts";

const body = (...exports: unknown[]) => JSON.stringify({ exports });

test("exports with a handler or a class are sound", () => {
  const exports = [
    { name: "default", kind: "object", handlers: ["fetch"] },
    { name: "n", kind: "other", handlers: [] },
  ];
  expect(readInspection(body(...exports), 12)).toEqual({ ok: true, exports, startupTimeMs: 12 });
  const flow = { name: "Flow", kind: "workflow", handlers: [] };
  expect(readInspection(body(flow), 1)).toMatchObject({ ok: true });
});

test.each([
  ["nothing", body()],
  ["an empty object", body({ name: "default", kind: "object", handlers: [] })],
  ["a number", body({ name: "n", kind: "other", handlers: [] })],
])("%s has no handlers", (_name, text) => {
  expect(readInspection(text, 1)).toMatchObject({ ok: false, code: 10068 });
});

test.each([
  ["nothing at all", ""],
  ["no JSON", "<html>"],
  ["null", "null"],
  ["no list", '{"exports":{}}'],
  ["a list of something else", body("fetch")],
  ["an unknown kind", body({ name: "a", kind: "x", handlers: [] })],
  ["a kind from the prototype", body({ name: "a", kind: "constructor", handlers: [] })],
  ["handlers that are no names", body({ name: "a", kind: "object", handlers: [1] })],
])("an answer that is %s is refused", (_name, text) => {
  expect(readInspection(text, 1)).toMatchObject({ ok: false, code: 10021 });
});
