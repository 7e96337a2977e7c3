import { expect, test } from "vitest";
import { lineDiff } from "./line-diff.ts";

const marks = { same: " ", removed: "-", added: "+" };
const diff = (before: string, after: string) =>
  lineDiff([...before], [...after])
    .map(({ kind, line }) => marks[kind] + line)
    .join("");

test.each([
  ["", "", ""],
  ["abc", "abc", " a b c"],
  ["", "ab", "+a+b"],
  ["ab", "", "-a-b"],
  ["abc", "axc", " a-b+x c"],
  ["abcd", "bd", "-a b-c d"],
  ["bd", "abcd", "+a b+c d"],
])("%s → %s", (before, after, expected) => {
  expect(diff(before, after)).toBe(expected);
});
