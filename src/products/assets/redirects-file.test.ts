import { describe, expect, test } from "vitest";
import { matchRedirect, parseRedirectsFile } from "./redirects-file.ts";

function redirect(file: string, path: string, origin = "https://example.com"): string | undefined {
  const match = matchRedirect(parseRedirectsFile(file, "auto-trailing-slash").rules, origin, path);
  return match && `${match.rule.status} ${match.location}${match.query}${match.fragment}`;
}

test.each<[what: string, file: string, path: string, result: string | undefined]>([
  ["302 by default", "/a /b", "/a", "302 /b"],
  ["status", "/a /b 301", "/a", "301 /b"],
  ["303", "/a /b 303", "/a", "303 /b"],
  ["307", "/a /b 307", "/a", "307 /b"],
  ["308", "/a /b 308", "/a", "308 /b"],
  ["rewrite", "/a /b 200", "/a", "200 /b"],
  ["no match", "/a /b", "/c", undefined],
  ["case matters", "/a /b", "/A", undefined],
  ["trailing slash matters", "/a /b", "/a/", undefined],
  ["whole URL", "/a https://x.com/y", "/a", "302 https://x.com/y"],
  ["whole URL without path", "/a https://x.com", "/a", "302 https://x.com/"],
  ["whole URL on the same origin becomes a path", "/a https://example.com/y?z", "/a", "302 /y?z"],
  ["query and fragment of the destination", "/a /b?c=1#d", "/a", "302 /b?c=1#d"],
  ["comments", "# x\n\n/a /b # why\n", "/a", "302 /b"],
  ["comment after status", "/a /b 301 # why not", "/a", "301 /b"],
  ["tabs and many spaces", "/a\t\t/b   301", "/a", "301 /b"],
  ["CRLF", "/a /b\r\n/c /d\r\n", "/c", "302 /d"],
  ["missing slash of the source is added", "a /b", "/a", "302 /b"],
  ["query of the source is dropped", "/a?x=1 /b", "/a", "302 /b"],
  ["non-ASCII source", "/é /b", "/%C3%A9", "302 /b"],
  ["non-ASCII destination", "/a /é", "/a", "302 /%C3%A9"],
  ["splat", "/a/* /b/:splat", "/a/x/y", "302 /b/x/y"],
  ["splat to another host", "/a/* https://x.com/:splat", "/a/x/y", "302 https://x.com/x/y"],
  ["splat matches nothing too", "/a/* /b/:splat", "/a/", "302 /b/"],
  ["placeholders", "/:y/:m /b/:m?y=:y", "/2026/11", "302 /b/11?y=2026"],
  ["placeholder within a segment", "/t/:a-:b /u/:b/:a", "/t/1-2-3", "302 /u/3/1-2"],
  ["static before dynamic", "/* /c\n", "/a", "302 /c"],
  ["static wins over a dynamic rule behind it", "/a /b\n/* /c", "/a", "302 /b"],
  ["a static rule behind a dynamic one is dynamic", "/x/* /c\n/a /b", "/a", "302 /b"],
  ["first dynamic match wins", "/x/:a /1\n/:a/y /2", "/x/y", "302 /1"],
  ["first of the same source wins", "/a /1\n/a /2", "/a", "302 /1"],
  ["slashes alone", "// /b", "//", "302 /b"],
  ["protocol-relative as written", "/a //x.com/y", "/a", "302 https://x.com/y"],
  ["protocol-relative in a dynamic rule is a path", "/a/* //x.com/:splat", "/a/b", "302 /x.com/b"],
  ["slashes that captures double are collapsed", "/a/* /b/:splat/c?d=//", "/a/x//y/", "302 /b/x/y/c?d=//"],
  ["slashes of other hosts stay", "/a/* https://x.com/:splat", "/a//b", "302 https://x.com//b"],
  ["captures cannot leave the site", "/open/* /:splat", "/open//evil.com", "302 /evil.com"],
  ["captures cannot leave the site by dot segments", "/open/* /x/:splat", "/open/..//evil.com", "302 /evil.com"],
  ["captures cannot leave the site by backslash", "/open/* /:splat", "/open/\\evil.com", "302 /evil.com"],
])("%s", (_, file, path, result) => expect(redirect(file, path)).toBe(result));

describe("what does nothing is reported", () => {
  test.each<[what: string, file: string, line: number, message: string]>([
    ["one word", "/a", 1, "source destination"],
    ["four words", "/a /b 301 x", 1, "source destination"],
    ["unknown status", "/a /b 418", 1, "must be 200, 301"],
    ["status that is no number", "/a /b !", 1, "must be 200, 301"],
    ["conditions of other hosts", "/a /b 302 Country=au", 1, "source destination"],
    ["source with host", "https://x.com/a /b", 1, "must have a path"],
    ["plain http", "/a http://x.com/", 1, "no https:// URL"],
    ["destination without slash", "/a b", 1, "no https:// URL"],
    ["rewrite to a host", "/a https://x.com/ 200", 1, "can only name a path"],
    ["rewrite to a protocol-relative host", "/a //x.com/ 200", 1, "can only name a path"],
    ["same source", "/a /b\n/a /c", 2, "same source as line 1"],
    ["two splats", "/*/* /b", 1, "more than one `*`"],
    ["placeholder twice", "/:a/:a /b", 1, "twice"],
    ["everything to the index", "/* /index.html 200", 1, "loop"],
    ["everything to the index, short", "/* /index", 1, "loop"],
    ["a folder to its index", "/a/* /a/index.html 200", 1, "loop"],
    ["root to index", "/ /index 302", 1, "loop"],
    ["to itself", "/a /a", 1, "redirects to itself"],
    ["covered", "/a/* /b\n/a/x /c", 2, "line 1 (/a/*) matches all"],
    ["covered by all", "/* /b\n/:x /c", 2, "line 1 (/*) matches all"],
    ["unknown splat", "/a /b/:splat", 1, "no `*`"],
    ["long line", `/a /${"x".repeat(2000)}`, 1, "longer than 2000"],
    ["control character", "/a /b\x01", 1, "characters that URLs cannot have"],
    ["2,001st static rule", Array.from({ length: 2001 }, (_, i) => `/${i} /x`).join("\n"), 2001, "limit of 2000"],
    ["101st dynamic rule", Array.from({ length: 102 }, (_, i) => `/${i}/* /x`).join("\n"), 101, "limit of 100"],
  ])("%s", (_, file, line, message) => {
    const { diagnostics } = parseRedirectsFile(file, "auto-trailing-slash");
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]).toMatchObject({ file: "_redirects", line });
    expect(diagnostics[0]?.message).toContain(message);
  });

  test("root to index is no loop when HTML URLs are taken literally", () => {
    const { rules, diagnostics } = parseRedirectsFile("/ /index.html 200", "none");
    expect(diagnostics).toEqual([]);
    expect(rules.exact.size).toBe(1);
  });

  test("dynamic rules beyond the limit end the file, static ones do not", () => {
    const many = Array.from({ length: 2001 }, (_, i) => `/${i} /x`).join("\n");
    const { rules } = parseRedirectsFile(`${many}\n/d/* /y`, "none");
    expect([rules.exact.size, rules.dynamic.length]).toEqual([2000, 1]);
  });
});
