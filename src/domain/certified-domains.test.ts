import { expect, test } from "vitest";
import { certifiedDomains, closest } from "./certified-domains.ts";
import type { RoutedDomain, RoutingSnapshot } from "./routing.ts";

const domain = (hostname: string, previewsEnabled = false): RoutedDomain => ({
  ...{ hostname, scriptId: "s", enabled: true, previewsEnabled },
});
const zone = (name: string, ...patterns: string[]) => ({
  ...{ accountId: "a", name },
  routes: patterns.map((pattern) => ({ pattern, scriptId: "s" })),
});
const snapshot: RoutingSnapshot = {
  ...{ generation: 1, accounts: [], scripts: [] },
  zones: [
    zone(
      "example.com",
      "example.com/*",
      "www.example.com/*",
      "a.b.example.com/*",
      "*.deep.example.com/*",
      "*example.com/*",
    ),
    zone("sub.example.com"),
  ],
  domains: [domain("app.example.com", true), domain("x.y.sub.example.com"), domain("shop.example.org", true)],
  bucketDomains: ["files.example.com", "b.files.example.com"].map((hostname) => ({
    ...{ hostname, accountId: "a", bucketId: "b", enabled: true },
  })),
};

test("each zone's certificate is for its names, however deep; a domain in no zone has its own", () => {
  expect(certifiedDomains(snapshot)).toEqual([
    {
      name: "example.com",
      hosts: [
        "*.app.example.com",
        "*.deep.example.com",
        "*.example.com",
        "a.b.example.com",
        "b.files.example.com",
        "example.com",
      ],
    },
    { name: "sub.example.com", hosts: ["*.sub.example.com", "sub.example.com", "x.y.sub.example.com"] },
    { name: "shop.example.org", hosts: ["*.shop.example.org", "shop.example.org"] },
  ]);
});

test("a certificate has 500 names at most", () => {
  const domains = Array.from({ length: 600 }, (_, index) => domain(`${index}.deep.example.com`));
  const [certified] = certifiedDomains({ ...snapshot, zones: [zone("example.com")], domains });
  expect(certified?.hosts).toHaveLength(500);
});

test("the closest of several names", () => {
  const names = new Set(["example.com", "sub.example.com"]);
  expect(closest(names, "a.b.sub.example.com")).toBe("sub.example.com");
  expect(closest(names, "a.example.com")).toBe("example.com");
  expect(closest(names, "anexample.com")).toBeUndefined();
});
