import { describe, expect, test } from "vitest";
import { ALL_ROUTES, compileRoutes, parseRoutesJson, startsCode } from "./routes-json.ts";

const file = (include: unknown, exclude: unknown = [], version: unknown = 1) =>
  JSON.stringify({ version, include, exclude });

describe("which paths start code", () => {
  test.each<[rule: string, path: string, starts: boolean]>([
    ["/", "/", true],
    ["/", "/a", false],
    ["/*", "/", true],
    ["/*", "/a/b.html", true],
    ["/foo", "/foo", true],
    ["/foo", "/foo/", true],
    ["/foo", "/foo/bar", false],
    ["/foo", "/foobar", false],
    ["/foo/", "/foo", true],
    ["/foo/", "/foo/", true],
    ["/foo/*", "/foo", true],
    ["/foo/*", "/foo/", true],
    ["/foo/*", "/foo/bar/baz", true],
    ["/foo/*", "/foobar", false],
    ["/foo*", "/foobar", true],
    ["/foo*", "/foo/bar", true],
    ["/foo*", "/fo", false],
    ["/foo/*/bar", "/foo/a/b/bar", true],
    ["/foo/*/bar", "/foo/a/bar/", true],
    ["/foo/*/bar", "/foo/bar", false],
    ["/*.css", "/a/b.css", true],
    ["/*.css", "/a/bxcss", false],
    ["/a.b", "/axb", false],
    // No regular expressions: only the star means something.
    ["/a(b)+", "/ab", false],
    ["/a(b)+", "/a(b)+", true],
    ["/Foo", "/foo", false],
    // As in the URL, not decoded.
    ["/caf%C3%A9", "/caf%C3%A9", true],
    ["/café", "/caf%C3%A9", false],
  ])("%s takes %s: %s", (rule, path, starts) => {
    expect(startsCode(compileRoutes({ include: [rule], exclude: [] }), path)).toBe(starts);
    // The same rule excludes the same paths.
    expect(startsCode(compileRoutes({ include: ["/*"], exclude: [rule] }), path)).toBe(!starts);
  });

  test("what is excluded starts none, whatever includes it", () => {
    const matcher = compileRoutes(parseRoutesJson(file(["/api/*", "/build"], ["/api/static/*", "/build"])));
    expect(["/api/a", "/api/static/a", "/build", "/other"].map((path) => startsCode(matcher, path))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  test("without a file all do", () => {
    expect(startsCode(compileRoutes(ALL_ROUTES), "/any/thing")).toBe(true);
  });
});

describe("the file", () => {
  test("may have a description", () => {
    const text = JSON.stringify({ version: 1, description: "made by hand", include: ["/*"], exclude: ["/a"] });
    expect(parseRoutesJson(text)).toEqual({ include: ["/*"], exclude: ["/a"] });
  });

  test.each<[why: RegExp, text: string]>([
    [/not JSON/, "{"],
    [/"version": 1/, "[]"],
    [/"version": 1/, "null"],
    [/"version": 1/, file(["/*"], [], 2)],
    [/"include" must be a list/, file("/*")],
    [/"exclude" must be a list/, JSON.stringify({ version: 1, include: ["/*"] })],
    [/at least one rule/, file([])],
    [/must be text/, file([1])],
    [/start with a slash/, file(["api"])],
    [/start with a slash/, file(["/a"], ["https://example.com/a"])],
    [/longer than 100/, file([`/${"a".repeat(100)}`])],
    [
      /101 rules/,
      file(
        Array.from({ length: 51 }, (_, index) => `/i${index}`),
        Array.from({ length: 50 }, (_, index) => `/e${index}`),
      ),
    ],
    [/"\/foo\/bar" is redundant, since "\/foo\/\*"/, file(["/foo/*", "/foo/bar"])],
    [/redundant/, file(["/*"], ["/a/*", "/a/b/*"])],
    [/redundant/, file(["/*", "/a"])],
  ])("is refused: %s", (why, text) => {
    expect(() => parseRoutesJson(text)).toThrow(why);
  });

  test.each([
    ["100 rules", Array.from({ length: 99 }, (_, index) => `/${index}`)],
    ["100 characters", [`/${"a".repeat(99)}`]],
    // Covered across the two lists is what exclusion is for.
    ["a directory and its twin", ["/foo", "/foo*"]],
  ])("may have %s", (_, include) => {
    expect(parseRoutesJson(file(include, ["/foo/*"])).include).toEqual(include);
  });
});
