import { describe, expect, test } from "vitest";
import { applyHeaders, type Header, parseHeadersFile } from "./headers-file.ts";

const DEFAULTS: Header[] = [
  ["content-type", "text/html"],
  ["cache-control", "default"],
  ["link", "</a>"],
];

/** Headers after the rules, as `name: value` lines without the untouched defaults. */
function apply(file: string, url: string): string[] {
  const { hostname, pathname } = new URL(url, "https://example.com");
  const { rules } = parseHeadersFile(file);
  return applyHeaders(rules, hostname, pathname, DEFAULTS)
    .filter((header) => !DEFAULTS.includes(header))
    .map(([name, value]) => `${name}: ${value}`);
}

test.each<[what: string, file: string, url: string, headers: string[]]>([
  ["path", "/a\n  X: 1", "/a", ["x: 1"]],
  ["another path", "/a\n  X: 1", "/b", []],
  ["case matters", "/a\n  X: 1", "/A", []],
  ["no slash added", "/a\n  X: 1", "/a/", []],
  ["comment and blank lines", "# c\n\n/a\n# d\n\n  X: 1\n", "/a", ["x: 1"]],
  ["CRLF", "/a\r\n  X: 1\r\n", "/a", ["x: 1"]],
  ["header lines need no indent", "/a\nX: 1", "/a", ["x: 1"]],
  ["name in lower case, value as it is", "/a\n  X-Y: Z: q", "/a", ["x-y: Z: q"]],
  ["splat matches nothing too", "/a/*\n  X: [:splat]", "/a/", ["x: []"]],
  ["splat is greedy", "/a/*\n  X: :splat", "/a/b/c", ["x: b/c"]],
  ["splat in the middle", "/a/*.js\n  X: :splat", "/a/b/c.js", ["x: b/c"]],
  ["placeholder", "/m/:title\n  X: :title!", "/m/star", ["x: star!"]],
  ["placeholder stays in its segment", "/m/:title\n  X: 1", "/m/a/b", []],
  ["two placeholders", "/:a/:b\n  X: :b-:a", "/1/2", ["x: 2-1"]],
  ["non-ASCII rule meets the encoded request", "/é\n  X: 1", "/é", ["x: 1"]],
  ["query of the rule is dropped", "/a?x=1\n  X: 1", "/a", ["x: 1"]],
  ["absolute rule", "https://example.com/a\n  X: 1", "/a", ["x: 1"]],
  ["absolute rule, another host", "https://other.com/a\n  X: 1", "/a", []],
  [
    "scheme and port of the request do not matter",
    "https://example.com/*\n  X: 1",
    "http://example.com:99/a",
    ["x: 1"],
  ],
  ["host in upper case", "https://EXAMPLE.com/*\n  X: 1", "/a", ["x: 1"]],
  ["host placeholder", "https://:Sub.example.com/*\n  X: :Sub :splat", "https://s.example.com/a", ["x: s a"]],
  ["host placeholder stays in its label", "https://:sub.example.com/*\n  X: 1", "https://a.b.example.com/", []],
  ["host splat", "https://*.example.com/a\n  X: :splat", "https://a.b.example.com/a", ["x: a.b"]],
  ["host alone is its root", "https://example.com\n  X: 1", "/", ["x: 1"]],
  ["same name twice in a rule", "/a\n  X: 1\n  x: 2", "/a", ["x: 1, 2"]],
  ["first rule replaces the default", "/a\n  Cache-Control: no-store", "/a", ["cache-control: no-store"]],
  ["later rules append", "/*\n  Cache-Control: a\n/a\n  Cache-Control: b", "/a", ["cache-control: a, b"]],
  ["removal", "/*\n  X: 1\n/a\n  ! X", "/a", []],
  ["removal before set within a rule", "/a\n  X: 1\n  ! X", "/a", ["x: 1"]],
  ["removed, then set again later", "/*\n  X: 1\n/a\n  ! X\n/:z\n  X: 2", "/a", ["x: 2"]],
  ["cookies stay apart", "/*\n  Set-Cookie: a=1\n/a\n  Set-Cookie: b=2", "/a", ["set-cookie: a=1", "set-cookie: b=2"]],
  ["a later rule for the same URL replaces the earlier", "/a\n  X: 1\n/a\n  Y: 2", "/a", ["y: 2"]],
  ["unknown names stay", "/a\n  X: :b", "/a", ["x: :b"]],
])("%s", (_, file, url, headers) => expect(apply(file, url)).toEqual(headers));

test("removal takes away defaults", () => {
  const { rules } = parseHeadersFile("/*\n  ! Link\n  ! cache-control");
  expect(applyHeaders(rules, "h", "/a", DEFAULTS)).toEqual([["content-type", "text/html"]]);
});

describe("what does nothing is reported", () => {
  test.each<[what: string, file: string, line: number, message: string]>([
    ["header before any URL", "X: 1", 1, "before any URL"],
    ["rule without headers", "/a\n/b\n  X: 1", 1, "no header lines"],
    ["last rule without headers", "/a", 1, "no header lines"],
    ["http URL", "http://a.com/\n  X: 1", 1, "no https:// URL"],
    ["port", "https://a.com:8080/x\n  X: 1", 1, "port"],
    ["two splats", "/*/*\n  X: 1", 1, "more than one `*`"],
    ["splat in host and path", "https://*.a.com/*\n  X: 1", 1, "more than one `*`"],
    ["splat and :splat", "/*/:splat\n  X: 1", 1, "both"],
    ["placeholder twice", "/:a/:a\n  X: 1", 1, "twice"],
    ["no colon", "/a\n  X 1\n  Y: 1", 2, "no colon"],
    ["no name", "/a\n  : 1\n  Y: 1", 2, "no header name"],
    ["no value", "/a\n  X:\n  Y: 1", 2, "no header value"],
    ["space in the name", "/a\n  X Y: 1\n  Y: 1", 2, "names cannot have"],
    ["control character in the value", "/a\n  X: a\rSet-Cookie: b\n  Y: 1", 2, "values cannot have"],
    ["character beyond Latin-1 in the value", "/a\n  X: ✓\n  Y: 1", 2, "values cannot have"],
    ["framing header", "/a\n  Content-Length: 5\n  Y: 1", 2, "belongs to the connection"],
    ["removal without space", "/a\n  !X\n  Y: 1", 2, "space"],
    ["same URL twice", "/a\n  X: 1\n/a\n  Y: 1", 1, "replaced by the rule for the same URL in line 3"],
    ["long line", `/a\n  X: ${"x".repeat(2000)}\n  Y: 1`, 2, "longer than 2000"],
    ["101st rule", Array.from({ length: 101 }, (_, i) => `/${i}\n  X: 1`).join("\n"), 201, "limit of 100"],
  ])("%s", (_, file, line, message) => {
    const { diagnostics } = parseHeadersFile(file);
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]).toMatchObject({ file: "_headers", line });
    expect(diagnostics[0]?.message).toContain(message);
  });

  test("header lines under an invalid URL are skipped without more ado", () => {
    const { rules, diagnostics } = parseHeadersFile("/a\n  X: 1\nftp://a/\n  X: 2\n  X: 3");
    expect(diagnostics).toHaveLength(1);
    expect(rules.rules[0]?.set).toEqual([["x", "1"]]);
  });
});

test("a path cannot blow up the response", () => {
  const { rules } = parseHeadersFile(`/*\n  X: ${":splat".repeat(300)}\n  Y: 1`);
  expect(applyHeaders(rules, "h", `/${"a".repeat(8000)}`, [])).toEqual([["y", "1"]]);
});
