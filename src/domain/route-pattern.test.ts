import { describe, expect, it, test } from "vitest";
import { seededRandom } from "../lib/seeded-random.ts";
import { hostName } from "./host-name.ts";
import { bySpecificity, isInZone, mountOf, parseRoutePattern, type RoutePattern } from "./route-pattern.ts";
import { matchedTarget, RouteTable } from "./route-table.ts";

function parsed(text: string): RoutePattern {
  const pattern = parseRoutePattern(text);
  if (typeof pattern === "string") throw new Error(`${text}: ${pattern}`);
  return pattern;
}

/** The pattern that wins for a URL, as the edge finds it. */
function winner(patterns: string[], url: string): string | undefined {
  const [, scheme, host = "", target = "/"] = /^(https?):\/\/([^/]*)(\/.*)?$/.exec(url) ?? [];
  const table = new RouteTable(patterns.map((text) => ({ pattern: parsed(text), to: text })));
  return table.forHost(host.toLowerCase())?.match(scheme === "https", matchedTarget(target))?.to;
}

describe("what a pattern matches (workers-semantics.md 1.2)", () => {
  test.each([
    // The host.
    ["example.com/*", "https://example.com/", true],
    ["example.com/*", "https://example.com/a/b?c=d", true],
    ["example.com/*", "https://www.example.com/", false],
    ["example.com/*", "https://EXAMPLE.com/", true],
    ["EXAMPLE.com/*", "https://example.com/", true],
    ["*example.com/*", "https://example.com/", true],
    ["*example.com/*", "https://www.example.com/", true],
    ["*example.com/*", "https://a.b.example.com/", true],
    ["*example.com/*", "https://myexample.com/", true],
    ["*.example.com/*", "https://www.example.com/", true],
    ["*.example.com/*", "https://a.b.example.com/", true],
    ["*.example.com/*", "https://example.com/", false],
    ["*.example.com/*", "https://myexample.com/", false],
    ["*-api.example.com/*", "https://v1-api.example.com/", true],
    ["*-api.example.com/*", "https://api.example.com/", false],
    ["bücher.example/*", "https://xn--bcher-kva.example/", true],
    // The scheme.
    ["http://example.com/*", "http://example.com/", true],
    ["http://example.com/*", "https://example.com/", false],
    ["https://example.com/*", "https://example.com/", true],
    ["https://example.com/*", "http://example.com/", false],
    ["HTTPS://example.com/*", "https://example.com/", true],
    ["example.com/*", "http://example.com/", true],
    // The path.
    ["example.com", "https://example.com/", true],
    ["example.com", "https://example.com/a", false],
    ["example.com/", "https://example.com/", true],
    ["example.com/", "https://example.com/?a=b", false],
    ["example.com/a", "https://example.com/a", true],
    ["example.com/a", "https://example.com/a/", false],
    ["example.com/a", "https://example.com/A", false],
    ["example.com/a*", "https://example.com/a", true],
    ["example.com/a*", "https://example.com/abc/d", true],
    ["example.com/a*", "https://example.com/a?b", true],
    ["example.com/a/*", "https://example.com/a/", true],
    ["example.com/a/*", "https://example.com/a", false],
    ["example.com/a/*", "https://example.com/a?b", false],
    ["example.com/ü*", "https://example.com/%C3%BCber", true],
    ["example.com/a b", "https://example.com/a%20b", "white space"],
    // As the Worker will see the URL.
    ["example.com/admin*", "https://example.com/x/../admin", true],
    ["example.com/admin*", "https://example.com/x/%2e%2E/admin", true],
    ["example.com/admin*", "https://example.com/./admin", true],
    ["example.com/admin*", "https://example.com/x\\..\\admin", true],
    ["example.com/x/*", "https://example.com/x/../admin", false],
    ["example.com/a*", "https://example.com/.a", false],
    ["example.com/.well-known/*", "https://example.com/.well-known/x", true],
    // What is no pattern.
    ["", "", "is not a host name"],
    ["/*", "", "is not a host name"],
    ["*", "", "is not a host name"],
    ["*/*", "", "is not a host name"],
    ["*./*", "", "is not a host name"],
    ["exa mple.com/", "", "white space"],
    ["example.com/*.jpg", "", "at the end only"],
    ["example.com/**", "", "at the end only"],
    ["www.*.com/", "", "at the beginning only"],
    ["example.*/", "", "at the beginning only"],
    ["example.com/?a=b", "", "query string"],
    ["example.com/*?a=b", "", "query string"],
    ["example.com/#a", "", "query string or fragment"],
    ["example.com:8080/*", "", "port"],
    ["ftp://example.com/*", "", "neither http nor https"],
    ["*://example.com/*", "", "port"],
    ["10.0.0.1/*", "", "is not a host name"],
    ["-a.example.com/", "", "is not a host name"],
    [`example.com/${"a".repeat(2048)}`, "", "characters"],
  ] as const)("%s, %s: %s", (pattern, url, expected) => {
    if (typeof expected === "string") expect(parseRoutePattern(pattern)).toContain(expected);
    else expect(winner([pattern], url)).toBe(expected ? pattern : undefined);
  });
});

describe("which of several wins", () => {
  test.each([
    [["example.com/*", "example.com/a/*", "example.com/a/b"], "/a/b", "example.com/a/b"],
    [["example.com/*", "example.com/a/*", "example.com/a/b"], "/a/c", "example.com/a/*"],
    [["example.com/*", "example.com/a/*", "example.com/a/b"], "/c", "example.com/*"],
    [["*.example.com/*", "*example.com/*", "www.example.com/*"], "/", "www.example.com/*"],
    [["*.example.com/*", "*example.com/*"], "/", "*example.com/*"],
    // Known quirks of the published formula.
    [["www.example.com/images/*", "www.example.com/images*"], "/images/hello", "www.example.com/images*"],
    [["*.example.com/a", "www.example.com/*"], "/a", "www.example.com/*"],
    // Equally specific: the longer text.
    [["www.example.com/a*", "www.example.com/ab*"], "/abc", "www.example.com/ab*"],
    [["www.example.com/*", "https://www.example.com/*"], "/", "https://www.example.com/*"],
  ])("%j, %s: %s", (patterns, path, expected) => {
    const host =
      patterns.some((text) => text.includes("www.")) || patterns.every((text) => text.startsWith("*")) ? "www." : "";
    for (const order of [patterns, patterns.toReversed()]) {
      expect(winner(order, `https://${host}example.com${path}`)).toBe(expected);
    }
  });
});

test("specificity is the published formula", () => {
  const of = (text: string) => parsed(text).specificity;
  expect(of("example.com")).toBe(2 * 26 + 2);
  expect(of("example.com/*")).toBe(2 * 26);
  expect(of("*.example.com/*")).toBe(1 * 26);
  expect(of("*example.com/*")).toBe(2 * 26);
  expect(of("a.example.com/images*")).toBe(3 * 26 + 2);
  expect(of("a.example.com/images/*")).toBe(3 * 26 + 1);
});

test.each([
  ["example.com/*", ""],
  ["example.com/blog/*", "/blog"],
  ["example.com/a/b/*", "/a/b"],
  ["example.com/a/b*", "/a"],
  ["example.com/blog*", ""],
  ["example.com/blog", ""],
])("static files of %s are those below %j", (text, mount) => expect(mountOf(parsed(text))).toBe(mount));

test.each([
  ["example.com/*", "example.com", true],
  ["*.example.com/*", "example.com", true],
  ["*example.com/*", "example.com", true],
  ["*a.example.com/*", "example.com", true],
  ["myexample.com/*", "example.com", false],
  ["*.com/*", "example.com", false],
])("%s in %s: %s", (text, zone, inside) => expect(isInZone(parsed(text), zone)).toBe(inside));

test.each([
  ["Example.COM.", "example.com"],
  ["localhost", "localhost"],
  ["_dmarc.example.com", "_dmarc.example.com"],
  ["bücher.example", "xn--bcher-kva.example"],
  ["a..b", undefined],
  ["a.b-", undefined],
  [`${"a".repeat(64)}.com`, undefined],
  [`${"a.".repeat(127)}com`, undefined],
  ["a.b:80", undefined],
  ["a/b", undefined],
  ["1.2.3.4", undefined],
  ["[::1]", undefined],
  ["", undefined],
])("the host name of %s is %s", (text, name) => expect(hostName(text)).toBe(name));

/** The rules as they are written down, one after the other, over a list in its order. */
function naiveWinner(patterns: string[], secure: boolean, host: string, target: string): string | undefined {
  const matching = patterns.filter((text) => {
    const [, scheme, hostPart = "", path = "/"] = /^(?:(https?):\/\/)?([^/]*)(.*)$/.exec(text) ?? [];
    if (scheme && (scheme === "https") !== secure) return false;
    const hostFits = hostPart.startsWith("*") ? host.endsWith(hostPart.slice(1)) : host === hostPart;
    const wanted = path || "/";
    return hostFits && (wanted.endsWith("*") ? target.startsWith(wanted.slice(0, -1)) : target === wanted);
  });
  return matching.toSorted((a, b) => bySpecificity(parsed(a), parsed(b)))[0];
}

it("finds what the rules written down find, for any patterns and requests", () => {
  const below = seededRandom(20261128);
  const random = { int: below, pick: <T>(items: readonly T[]) => items[below(items.length)] as T };
  const hosts = ["example.com", "www.example.com", "a.www.example.com", "xexample.com", "m.example.com"];
  const hostParts = [
    "example.com",
    "*example.com",
    "*.example.com",
    "www.example.com",
    "*.www.example.com",
    "*m.example.com",
  ];
  const path = () => Array.from({ length: random.int(4) }, () => `/${random.pick(["a", "b", "ab", ""])}`).join("");
  for (let round = 0; round < 400; round++) {
    const patterns = new Set<string>();
    for (let count = random.int(round % 10 === 0 ? 120 : 6); count >= 0; count--) {
      const scheme = random.pick(["", "", "", "http://", "https://"]);
      patterns.add(scheme + random.pick(hostParts) + path() + random.pick(["", "*", "/*"]).slice(0));
    }
    const valid = [...patterns].filter((text) => typeof parseRoutePattern(text) !== "string");
    const table = new RouteTable(valid.map((text) => ({ pattern: parsed(text), to: text })));
    for (let request = 0; request < 40; request++) {
      const host = random.pick(hosts);
      const target = (path() || "/") + random.pick(["", "", "?a", "x"]);
      const secure = random.int(2) === 1;
      const routes = table.forHost(host);
      const expected = naiveWinner(valid, secure, host, target);
      expect(routes?.match(secure, target)?.to, `${host}${target} of ${valid}`).toBe(expected);
      if (routes?.only) expect(routes.only.to).toBe(expected);
    }
  }
});
