import { describe, expect, test } from "vitest";
import type { RoutedDomain, RoutedZone, RoutingSnapshot } from "../domain/routing.ts";
import { Router } from "./router.ts";
import type { Target } from "./target.ts";
import { script, snapshot } from "./testing.ts";

const zone = (name: string, routes: Record<string, string | null>, accountId = "a1"): RoutedZone => ({
  accountId,
  name,
  routes: Object.entries(routes).map(([pattern, scriptId]) => ({ pattern, scriptId })),
});
const domain = (hostname: string, scriptId: string, parts: Partial<RoutedDomain> = {}): RoutedDomain => ({
  ...{ hostname, scriptId, enabled: true, previewsEnabled: false },
  ...parts,
});

const scripts = snapshot(
  script("front", { aliases: { next: "front-next" }, versions: ["aaaaaaaa-1"] }),
  script("shop", { enabled: false, previewsEnabled: false, aliases: { next: "shop-next" }, versions: ["bbbbbbbb-1"] }),
  script("blog"),
  script("draft", { shares: [] }),
);
const routed: RoutingSnapshot = {
  ...scripts,
  zones: [
    zone("example.com", {
      "example.com/*": "front",
      "shop.example.com/cart/*": "front",
      "shop.example.com/cart/static/*": null,
      "https://secure.example.com/*": "blog",
      "*.wild.example.com/*": "blog",
      "*.wild.example.com/a/*": "front",
      "one.wild.example.com/*": "shop",
      "www.example.com/blog/*": "blog",
      "www.example.com/draft": "draft",
      "*.example.com/deep": "front",
      "gone.example.com/*": "no-such-script",
      "bad**pattern": "front",
    }),
    zone("sub.example.com", {}),
    zone("myexample.com", { "*example.com/*": "shop" }, "a2"),
    zone("shop.localhost", { "shop.localhost/*": "shop" }),
  ],
  domains: [
    domain("shop.example.com", "shop"),
    domain("example.com", "shop"),
    domain("pre.example.com", "shop", { enabled: false, previewsEnabled: true }),
    domain("elsewhere.example.org", "blog"),
    domain("draft.example.org", "draft"),
  ],
  bucketDomains: [
    { hostname: "files.example.com", accountId: "a1", bucketId: "b1", enabled: true },
    { hostname: "x.pre.example.com", accountId: "a1", bucketId: "b1", enabled: false, minTls: "1.3" },
    { hostname: "modern.example.com", accountId: "a1", bucketId: "b2", enabled: true, minTls: "1.3" },
  ],
};

const router = new Router("localhost", routed);

/** The version, and the mount of static files where there is one. */
function named(target: Target, url: string): string {
  const [, scheme, path = "/"] = /^(https?):\/\/[^/]*(\/.*)?$/.exec(url) ?? [];
  const chosen = target.kind === "paths" ? target.choose(scheme === "https", path) : target;
  if (chosen.kind !== "worker") return chosen.kind;
  return `${chosen.versionId}${chosen.prefix && ` below ${chosen.prefix}`}`;
}

describe("requests for hosts of zones", () => {
  test.each([
    ["https://example.com/anything", "front-v1"],
    ["https://EXAMPLE.com:8443/anything", "front-v1"],
    // The custom domain is what is behind the routes of its host.
    ["https://shop.example.com/", "shop-v1"],
    ["https://shop.example.com/cart/", "front-v1 below /cart"],
    ["https://shop.example.com/cart/static/x.css", "shop-v1"],
    ["https://shop.example.com/cart/static/../x", "front-v1 below /cart"],
    ["https://secure.example.com/", "blog-v1"],
    ["http://secure.example.com/", "none"],
    ["https://x.wild.example.com/b", "blog-v1"],
    ["https://y.wild.example.com/a/b", "front-v1 below /a"],
    ["https://one.wild.example.com/a/b", "shop-v1"],
    ["https://www.example.com/blog/x", "blog-v1 below /blog"],
    ["https://www.example.com/blog", "none"],
    ["https://www.example.com/draft", "none"],
    ["https://www.example.com/deep", "front-v1"],
    ["https://gone.example.com/", "none"],
    // Routes of a zone say nothing about hosts of another, also of one inside.
    ["https://www.sub.example.com/deep", "none"],
    ["https://myexample.com/", "shop-v1"],
    ["https://www.myexample.com/", "shop-v1"],
    // Custom domains without routes.
    ["http://elsewhere.example.org/x", "blog-v1"],
    ["https://draft.example.org/", "none"],
    ["https://other.example.org/", "none"],
    ["https://pre.example.com/", "none"],
    ["https://next.pre.example.com/", "shop-next"],
    ["https://bbbbbbbb.pre.example.com/", "bbbbbbbb-1"],
    ["https://cccccccc.pre.example.com/", "none"],
    ["https://next.shop.example.com/", "none"],
    // Buckets', behind routes as well.
    ["https://files.example.com/a", "storage"],
    ["https://files.example.com/deep", "front-v1"],
    ["https://x.pre.example.com/a", "none"],
    // Names of the platform are never routed; others below its domain may be.
    ["http://shop.localhost/", "shop-v1"],
    ["http://front.acc.localhost/", "front-v1"],
    ["http://shop.acc.localhost/", "none"],
    ["http://x.pages.localhost/", "none"],
  ])("%s: %s", (url, expected) => {
    const host = url.split("/")[2] ?? "";
    expect(named(router.resolve(host), url)).toBe(expected);
    // Remembered, too.
    expect(named(router.resolve(host), url)).toBe(expected);
  });

  test("each host of a wildcard has its own name", () => {
    for (const host of ["p.wild.example.com", "q.wild.example.com"]) {
      const target = router.resolve(host);
      expect(target.kind === "paths" && target.choose(true, "/a/")).toMatchObject({ hostname: host });
    }
  });

  test("a zone above the base domain leaves the platform's names alone", () => {
    const above = new Router("apps.example.com", {
      ...scripts,
      zones: [zone("example.com", { "*example.com/*": "blog" })],
      domains: [],
    });
    const at = (host: string) => named(above.resolve(host), `https://${host}/`);
    expect(at("front.acc.apps.example.com")).toBe("front-v1");
    expect(at("nothing.acc.apps.example.com")).toBe("none");
    expect(at("apps.example.com")).toBe("api");
    expect(at("www.example.com")).toBe("blog-v1");
    expect(at("www.apps.example.com")).toBe("blog-v1");
  });

  test("a host that every request of takes one route needs no look at the path", () => {
    expect(router.resolve("example.com").kind).toBe("worker");
    expect(router.resolve("secure.example.com").kind).toBe("paths");
  });
});

test("a domain that shows an alias is protected as a preview, and search engines may come as to any domain", () => {
  const protection = { scope: "previews", epoch: 1 } as const;
  const guarded = new Router("localhost", {
    ...snapshot(script("site", { aliases: { dev: "site-dev" }, protection })),
    domains: [domain("www.example.com", "site"), domain("dev.example.com", "site", { alias: "dev" })],
  });
  expect(guarded.resolve("www.example.com")).toMatchObject({ versionId: "site-v1", preview: false, access: undefined });
  expect(guarded.resolve("dev.example.com")).toMatchObject({
    versionId: "site-dev",
    preview: false,
    access: { scriptId: "site", epoch: 1 },
  });
});

describe("what a bucket's host name leads to", () => {
  const modern = router.resolve("modern.example.com");

  test("keeps older TLS out when that is asked for", () => {
    const target = modern.kind === "paths" ? modern.choose(true, "/") : modern;
    expect(target).toEqual({ kind: "storage", accountId: "a1", onlyTls13: true });
  });

  test("is reached by Workers of its account, past the routes of a zone that is theirs", () => {
    const from = (accountId: string, script: string) =>
      router.resolveFrom({ accountId, script, secure: true }, "files.example.com");
    expect(from("a1", "front")).toEqual({ kind: "storage", accountId: "a1" });
    expect(from("a2", "front")).toBeUndefined();
  });
});
