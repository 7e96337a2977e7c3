import { expect, test } from "vitest";
import { lastWords } from "./database-hosts.ts";

test.each([
  ["", ""],
  ["one\nthe last\n", "the last"],
  [
    "FATAL ERROR: Reached heap limit\n----- Native stack trace -----\n 1: 0x840e50 [node]\n",
    "FATAL ERROR: Reached heap limit",
  ],
])("of %j the last words are %j", (text, words) => {
  expect(lastWords(text)).toBe(words);
});
