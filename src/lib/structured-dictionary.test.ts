import { expect, test } from "vitest";
import { parseStringMembers } from "./structured-dictionary.ts";
import { cpuMsOf } from "./testing-cpu.ts";

const parsed = (text: string) => {
  const members = parseStringMembers(text);
  return members && Object.fromEntries(members);
};

test("members with string values, by key", () => {
  expect(parsed('a="1"')).toEqual({ a: "1" });
  expect(parsed(' my-worker="dc8dcd28-271b-4367-9840-6c244f84cb40",\tb="x" ')).toEqual({
    "my-worker": "dc8dcd28-271b-4367-9840-6c244f84cb40",
    b: "x",
  });
  expect(parsed('a="1", a="2"')).toEqual({ a: "2" });
  expect(parsed('a="say \\"hi\\" \\\\"')).toEqual({ a: 'say "hi" \\' });
  expect(parsed('404-page="1"')).toEqual({ "404-page": "1" });
  expect(parsed("")).toEqual({});
});

test("other values are passed over, parameters too", () => {
  expect(parsed('a=1, b=2.5, c=token/x, d=:aGk=:, e=?1, f, g="s";p=1;q="r";t, h=("a" b;x 1), i="z"')).toEqual({
    g: "s",
    i: "z",
  });
  expect(parsed('a="1", a=2')).toEqual({});
});

test("what is no dictionary is ignored whole", () => {
  for (const bad of [
    'a="1',
    'a="1",',
    'a="1" b="2"',
    'A="1"',
    '="1"',
    "a=",
    "a='1'",
    'a="é"',
    'a="\\n"',
    'a="1";',
    'a="1"; ;b',
    'a=("x"',
    'a=("x""y")',
    ",",
    'a = "1"',
  ])
    expect(parsed(bad), bad).toBeUndefined();
});

test("long nonsense takes no time", () => {
  const usedMs = cpuMsOf(() => {
    parseStringMembers(`a="${"\\\\".repeat(60_000)}`);
    parseStringMembers("a,".repeat(60_000));
    parseStringMembers(`a=(${" ".repeat(60_000)}`);
  });
  expect(usedMs).toBeLessThan(1_000);
});
