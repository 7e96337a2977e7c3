import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Router } from "./router.ts";
import type { Target, WorkerTarget } from "./target.ts";
import { script, snapshot } from "./testing.ts";

const V1 = "11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
const V2 = "22222222-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
const only = (versionId: string) => [{ versionId, percentage: 100 }];

const routes = snapshot(
  script("hello", { shares: only(V1), versions: [V1, V2], aliases: { next: V2, "pr-7": V1, "22222222": V1 } }),
  script("my-worker", { shares: only(V2), versions: [V2], aliases: { a: V1 } }),
  script("worker", { shares: only(V1), versions: [V1], aliases: { "x-my": V2, my: V1, a: V2 } }),
  script("off", { enabled: false, shares: only(V1), versions: [V1] }),
  script("private", { previewsEnabled: false, shares: only(V1), versions: [V1], aliases: { next: V1 } }),
  script("bare", { shares: [], versions: [V1] }),
  script("foreign", { accountId: "a2", shares: only(V1) }),
  script("pages-worker--shop", {
    ...{ pagesLabel: "shop", shares: only(V1), versions: [V1, V2] },
    aliases: { dev: V2, "22222222": V1 },
  }),
  script("pages-worker--empty", { pagesLabel: "empty", shares: [], versions: [V1] }),
);

function named(target: Target): string {
  return target.kind === "worker" ? target.versionId : target.kind;
}

describe("hosts", () => {
  const router = new Router("example.com", routes);
  test.each([
    ["example.com", "api"],
    ["EXAMPLE.com:8787", "api"],
    ["example.com.", "api"],
    ["localhost", "api"],
    ["localhost:8787", "api"],
    ["127.0.0.1:8787", "api"],
    ["[::1]:8787", "api"],
    ["hello.acc.example.com", V1],
    ["Hello.ACC.example.com:8787", V1],
    ["hello.acc.example.com.", V1],
    ["my-worker.acc.example.com", V2],
    ["22222222-hello.acc.example.com", V2],
    ["11111111-hello.acc.example.com", V1],
    ["next-hello.acc.example.com", V2],
    ["pr-7-hello.acc.example.com", V1],
    ["a-my-worker.acc.example.com", V1],
    ["x-my-worker.acc.example.com", V2],
    ["11111111-off.acc.example.com", V1],
    ["11111111-bare.acc.example.com", V1],
    ["s3.example.com:8787", "storage"],
    ["Photos.S3.example.com", "storage"],
    [`${"a".repeat(32)}.r2.example.com`, "storage"],
    [`photos.${"a".repeat(32)}.r2.example.com`, "storage"],
    ["r2.example.com", "none"],
    ["a.b.s3.example.com", "none"],
    ["off.acc.example.com", "none"],
    ["bare.acc.example.com", "none"],
    ["private.acc.example.com", V1],
    ["11111111-private.acc.example.com", "none"],
    ["next-private.acc.example.com", "none"],
    ["33333333-hello.acc.example.com", "none"],
    ["1111-hello.acc.example.com", "none"],
    ["other-hello.acc.example.com", "none"],
    ["toString-hello.acc.example.com", "none"],
    ["-hello.acc.example.com", "none"],
    ["foreign.acc.example.com", "none"],
    ["hello.other.example.com", "none"],
    ["hello.example.com", "none"],
    ["x.hello.acc.example.com", "none"],
    ["hello.acc.example.org", "none"],
    ["shop.pages.example.com", V1],
    ["SHOP.pages.example.com:8787", V1],
    ["11111111.shop.pages.example.com", V1],
    ["22222222.shop.pages.example.com", V2],
    ["dev.shop.pages.example.com", V2],
    ["none.shop.pages.example.com", "none"],
    ["x.dev.shop.pages.example.com", "none"],
    ["toString.shop.pages.example.com", "none"],
    ["dev-shop.pages.example.com", "none"],
    ["empty.pages.example.com", "none"],
    ["11111111.empty.pages.example.com", V1],
    ["none.pages.example.com", "none"],
    ["pages.example.com", "none"],
    // Its script is reached as the project alone.
    ["pages-worker--shop.acc.example.com", "none"],
    ["11111111-pages-worker--shop.acc.example.com", "none"],
    ["hello.pages.example.com", "none"],
    ["hello.accexample.com", "none"],
    ["", "none"],
  ])("%s → %s", (host, expected) => {
    expect(named(router.resolve(host))).toBe(expected);
    expect(named(router.resolve(host))).toBe(expected);
  });

  test("the default domain", () => {
    const local = new Router("localhost", routes);
    expect(named(local.resolve("localhost:8787"))).toBe("api");
    expect(named(local.resolve("hello.acc.localhost:8787"))).toBe(V1);
    expect(named(local.resolve("example.com"))).toBe("none");
  });

  test("a flood of host names does not fill the memory", () => {
    for (let index = 0; index < 25_000; index++) router.resolve(`h${index}.example.com`);
    expect(named(router.resolve("hello.acc.example.com"))).toBe(V1);
  });
});

test("only a deployment of several versions is a split, and only version and alias URLs are previews", () => {
  const shares = [
    { versionId: V1, percentage: 90 },
    { versionId: V2, percentage: 10 },
  ];
  const router = new Router("localhost", snapshot(script("split", { shares, versions: [V1, V2] }), script("whole")));
  const { split, preview } = router.resolve("split.acc.localhost") as WorkerTarget;
  expect(split?.shares).toEqual(shares);
  expect(preview).toBe(false);
  expect(router.resolve("whole.acc.localhost")).toMatchObject({ split: undefined, preview: false });
  expect(router.resolve("22222222-split.acc.localhost")).toMatchObject({
    split: undefined,
    preview: true,
    versionId: V2,
  });
});

test("in a split the files of all its versions may be asked for, then those of earlier ones", () => {
  const shares = [
    { versionId: V1, percentage: 50 },
    { versionId: V2, percentage: 50 },
  ];
  const sites = { [V1]: "one", [V2]: "two" };
  const split = script("split", { shares, versions: [V1, V2], sites, retainedSites: ["zero"] });
  const whole = script("whole", { shares: only(V2), versions: [V1, V2], sites, retainedSites: ["one"] });
  const router = new Router("localhost", snapshot(split, whole));
  expect(router.resolve("split.acc.localhost")).toMatchObject({ retained: ["one", "two", "zero"] });
  expect(router.resolve("whole.acc.localhost")).toMatchObject({ retained: ["one"] });
  expect(router.resolve("22222222-split.acc.localhost")).toMatchObject({ retained: [] });
});

describe("sessions of remote development", () => {
  const tokenHash = createHash("sha256").update("secret").digest("hex");
  const session = script("remote-session--1", { enabled: false, previewsEnabled: false });
  const sessions = [
    { tokenHash, accountId: "a1", scriptName: session.name },
    { tokenHash: "0".repeat(64), accountId: "a2", scriptName: session.name },
  ];
  const router = new Router("localhost", { ...snapshot(script("hello"), session), sessions });

  test("a token leads to its script, whatever the host", () => {
    for (const host of ["hello.acc.localhost", "No.Such.host:443"]) {
      expect(router.resolveSession("secret", host)).toMatchObject({ kind: "worker", script: session });
    }
    expect(router.resolveSession("secret", "App.example:443")).toMatchObject({ hostname: "app.example" });
  });

  test("any other token leads nowhere", () => {
    for (const token of ["", "secret2", tokenHash]) expect(router.resolveSession(token, "a").kind).toBe("none");
  });
});
