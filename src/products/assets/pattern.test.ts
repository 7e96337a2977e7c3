import { describe, expect, test } from "vitest";
import { cpuMsOf } from "../../lib/testing-cpu.ts";
import { type Captures, Pattern, PatternError, substitute } from "./pattern.ts";

function match(pattern: string, subject: string, separator: "/" | "." = "/"): Record<string, string> | undefined {
  const captures: Captures = new Map();
  return new Pattern(pattern, separator).match(subject, captures) ? Object.fromEntries(captures) : undefined;
}

test.each<[pattern: string, subject: string, captures: Record<string, string> | undefined]>([
  ["/a", "/a", {}],
  ["/a", "/a/", undefined],
  ["/a", "/A", undefined],
  ["/*", "/", { splat: "" }],
  ["/*", "/a/b", { splat: "a/b" }],
  ["*", "/a", { splat: "/a" }],
  ["/a/*", "/a", undefined],
  ["/a*", "/a", { splat: "" }],
  ["/a/*/b", "/a/x/y/b", { splat: "x/y" }],
  ["/a/*/b", "/a/b", undefined],
  ["/a*b", "/ab", { splat: "" }],
  ["/a*b", "/a", undefined],
  ["/*.html", "/x/y.html", { splat: "x/y" }],
  ["/:a", "/x", { a: "x" }],
  ["/:a", "/", undefined],
  ["/:a", "/x/y", undefined],
  ["/:a/:b", "/x/y", { a: "x", b: "y" }],
  ["/:a/:b", "/x/", undefined],
  ["/:a-:b", "/1-2-3", { a: "1-2", b: "3" }],
  ["/:a-:b", "/-2", undefined],
  ["/:a:b", "/xyz", { a: "xy", b: "z" }],
  ["/:a:b", "/x", undefined],
  ["/v:n.js", "/v12.js", { n: "12" }],
  ["/:a/*", "/x/y/z", { a: "x", splat: "y/z" }],
  ["/:a*", "/x/y", { a: "x", splat: "/y" }],
  ["/:a-*", "/x-y-z", { a: "x-y", splat: "z" }],
  ["/*:a", "/xyz", { a: "z", splat: "xy" }],
  ["/*/:a", "/x/y/z", { a: "z", splat: "x/y" }],
  ["/:a/*/:b", "/x/y/z/w", { a: "x", b: "w", splat: "y/z" }],
  ["/:a/*-:b", "/x/y-z-w", { a: "x", b: "w", splat: "y-z" }],
  ["/a:1", "/a:1", {}],
  ["/:a_b1", "/x", { a_b1: "x" }],
])("%s on %s", (pattern, subject, captures) => expect(match(pattern, subject)).toEqual(captures));

test.each<[string, string, Record<string, string> | undefined]>([
  [":sub.example.com", "a.example.com", { sub: "a" }],
  [":sub.example.com", "a.b.example.com", undefined],
  ["*.example.com", "a.b.example.com", { splat: "a.b" }],
  ["example.com", "example.com", {}],
])("host %s on %s", (pattern, subject, captures) => expect(match(pattern, subject, ".")).toEqual(captures));

test.each([
  ["/*/*", "more than one"],
  ["/*/:splat", "both"],
  ["/:a/:a", "twice"],
  [`/${Array.from({ length: 21 }, (_, i) => `:p${i}`).join("/")}`, "more than 20"],
])("%s is refused", (pattern, why) => {
  expect(() => new Pattern(pattern, "/")).toThrow(PatternError);
  expect(() => new Pattern(pattern, "/")).toThrow(why);
});

describe("agrees with the regular expression that the documentation describes", () => {
  test("on random patterns and subjects", () => {
    const next = generator(7);
    const pick = (choices: string[]) => choices[next(choices.length)] ?? "";
    let matched = 0;
    for (let round = 0; round < 20_000; round++) {
      let name = 0;
      let stars = 0;
      const pattern = `/${Array.from({ length: next(7) }, () => {
        const part = pick(["a", "b", "-", "/", "ab", ":", "*", ":", "a-"]);
        if (part === ":") return `:p${name++}${pick(["", "-", "/"])}`;
        return part === "*" && stars++ > 0 ? "" : part;
      }).join("")}`;
      const subject = `/${Array.from({ length: next(10) }, () => pick(["a", "b", "-", "/"])).join("")}`;
      const source = pattern.replace(/:(\w+)|\*|[-/]/g, (text, word) =>
        text === "*" ? "(?<splat>.*)" : word ? `(?<${word}>[^/]+)` : `\\${text}`,
      );
      const expected = new RegExp(`^${source}$`).exec(subject);
      if (expected) matched++;
      expect(match(pattern, subject), `${pattern} on ${subject}`).toEqual(
        expected ? { ...expected.groups } : undefined,
      );
    }
    expect(matched).toBeGreaterThan(500);
  });
});

test("time grows with length, not faster", () => {
  const hostile: [string, string][] = [
    [`/${Array.from({ length: 20 }, (_, i) => `:p${i}-`).join("")}`, `/${"a-".repeat(8000)}b`],
    [`/${Array.from({ length: 20 }, (_, i) => `:p${i}`).join("")}x`, `/${"a".repeat(16_000)}`],
    [`/:a${"a".repeat(1900)}b:c`, `/${"a".repeat(16_000)}`],
    [`/:a${"b".repeat(900)}${"a".repeat(900)}:c`, `/${"a".repeat(16_000)}`],
    [`/:a/*${"/a".repeat(900)}`, `/${"a/".repeat(8000)}`],
  ];
  for (const [pattern, subject] of hostile) {
    const compiled = new Pattern(pattern, "/");
    const usedMs = cpuMsOf(() => {
      for (let i = 0; i < 20; i++) compiled.match(subject, new Map());
    });
    // About 0.1 ms each; a backtracking matcher takes minutes.
    expect(usedMs).toBeLessThan(1000);
  }
});

test.each([
  ["/x/:a", { a: "1" }, "/x/1"],
  ["/:b/:a/:b", { a: "1", b: "2" }, "/2/1/2"],
  ["/:ab", { a: "1" }, "/1b"],
  ["/:ab", { a: "1", ab: "2" }, "/2"],
  ["/:nope", { a: "1" }, "/:nope"],
  ["a: b", { a: "1" }, "a: b"],
  [":a", { a: ":a" }, ":a"],
])("%s with %o is %s", (template, captures, result) => {
  expect(substitute(template, new Map(Object.entries(captures)), 100)).toBe(result);
});

test("a substitution that grows too long gives nothing", () => {
  expect(substitute(":a".repeat(50), new Map([["a", "x".repeat(1000)]]), 10_000)).toBeUndefined();
});

function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
