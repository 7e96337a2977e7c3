import { expect, test } from "vitest";
import { decodePath, encodePath, isUnder, normaliseRulePath, parseTarget } from "./path.ts";

test.each([
  ["/", "/", ""],
  ["/a?b=1", "/a", "?b=1"],
  ["/a?", "/a", ""],
  ["/a?b?c", "/a", "?b?c"],
  ["/a//b", "/a//b", ""],
  ["//evil.com/x", "//evil.com/x", ""],
  ["/a/../b", "/b", ""],
  ["/a/..", "/", ""],
  ["/a/./b", "/a/b", ""],
  ["/a/%2e%2E/b", "/b", ""],
  ["/a/.%2e/b", "/b", ""],
  ["/../../etc/passwd", "/etc/passwd", ""],
  ["/a\\..\\b", "/b", ""],
  ["/\\evil.com", "//evil.com", ""],
  ["/.well-known/x", "/.well-known/x", ""],
  ["/a...b/..c", "/a...b/..c", ""],
  ["/日 x", "/%E6%97%A5%20x", ""],
  [Buffer.from("/é").toString("latin1"), "/%C3%A9", ""],
  ["/\xe9", "/%EF%BF%BD", ""],
  ["/%zz", "/%zz", ""],
  ["/a#b", "/a", ""],
  ["/?a#b", "/", "?a"],
  ["/a? '\"<>", "/a", "?%20%27%22%3C%3E"],
  ["/a?b\r\nX:y", "/a", "?bX:y"],
  ['/a"<>`{}', "/a%22%3C%3E%60%7B%7D", ""],
  ["/a@b:c", "/a@b:c", ""],
])("target %s", (target, path, query) => expect(parseTarget(target)).toEqual({ path, query }));

test("the short way gives what the URL standard gives", () => {
  for (let code = 1; code < 128; code++) {
    for (const text of [
      `/a${String.fromCharCode(code)}b`,
      `/${String.fromCharCode(code)}`,
      `/a/${String.fromCharCode(code)}./`,
    ]) {
      const url = new URL(`http://x${text}`);
      expect(parseTarget(text), JSON.stringify(text)).toEqual({ path: url.pathname, query: url.search });
    }
  }
});

test.each([
  ["/a%20b", "/a b"],
  ["/%C3%A9", "/é"],
  ["/%ff/%20", "/%ff/ "],
  ["/%", "/%"],
  ["//a///b//", "/a/b/"],
  ["/a%2Fb", "/a/b"],
  ["/a%2F%2Fb", "/a/b"],
  ["/%255B", "/%5B"],
  ["/a%00b", "/a\0b"],
])("%s decodes to %j", (encoded, decoded) => expect(decodePath(encoded)).toBe(decoded));

test.each([
  ["/a b", "/a%20b"],
  ["/é/[x]", "/%C3%A9/%5Bx%5D"],
  ["/a@b,c", "/a%40b%2Cc"],
  ["/a-b_c.d~e!f*g'(h)", "/a-b_c.d~e!f*g'(h)"],
  ["/%5B", "/%255B"],
  ["/\\x", "/%5Cx"],
  ["/\ud800", "/%EF%BF%BD"],
])("%j encodes to %s", (decoded, encoded) => expect(encodePath(decoded)).toBe(encoded));

test.each([
  ["/blog", "", true],
  ["/blog", "/blog", true],
  ["/blog/a", "/blog", true],
  ["/blogs", "/blog", false],
  ["/", "/blog", false],
])("%s under %j: %s", (path, prefix, under) => expect(isUnder(path, prefix)).toBe(under));

test.each([
  ["/a/:b/*", "/a/:b/*"],
  ["/é", "/%C3%A9"],
  ["/a?x#y", "/a"],
  ["/a/../b", "/b"],
  ["a", "/a"],
])("rule path %s", (path, normal) => expect(normaliseRulePath(path)).toBe(normal));
