import { expect, test } from "vitest";
import { MAX_JSON_DEPTH, parseJson } from "./parse-json.ts";

const lists = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

test("a document is what it says", () => {
  for (const text of ['{"a":[1,"b",null,{"__proto__":1}]}', "1", '"x"', lists(MAX_JSON_DEPTH), objects(MAX_JSON_DEPTH)])
    expect(JSON.stringify(parseJson(text))).toBe(text);
});

test.each([
  ["no JSON", "{"],
  ["lists in lists", lists(MAX_JSON_DEPTH + 1)],
  ["objects in objects", objects(MAX_JSON_DEPTH + 1)],
  ["more than any stack holds", lists(1_000_000)],
])("%s: refused", (_what, text) => expect(() => parseJson(text)).toThrow(SyntaxError));
