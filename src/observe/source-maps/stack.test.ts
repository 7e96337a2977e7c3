import { expect, test } from "vitest";
import { readFrame } from "./stack.ts";

const frame = (before: string, module: string, line: number, column: number, after: string) => ({
  before,
  module,
  line,
  column,
  after,
});

test.each([
  ["    at fetch (index.js:1:200)", frame("    at fetch (", "index.js", 1, 200, ")")],
  ["    at index.js:10:5", frame("    at ", "index.js", 10, 5, "")],
  ["    at async Object.fetch (index.js:1:2)", frame("    at async Object.fetch (", "index.js", 1, 2, ")")],
  ["    at async a/b.mjs:3:4", frame("    at async ", "a/b.mjs", 3, 4, "")],
  ["    at new Thing (with space.js:3:4)", frame("    at new Thing (", "with space.js", 3, 4, ")")],
  ["    at x.<computed> [as y] (index.js:3:4)", frame("    at x.<computed> [as y] (", "index.js", 3, 4, ")")],
])("%s", (line, expected) => expect(readFrame(line)).toEqual(expected));

test.each([
  "Error: at index.js:1:2",
  "TypeError: boom",
  "    at native code",
  "    at f (index.js)",
  "    at f (index.js:x:1)",
  "    at f (index.js:1)",
  "    at ",
  "",
  `    at ${"x".repeat(5_000)}:1:2`,
])("%s is no frame", (line) => expect(readFrame(line)).toBeUndefined());
