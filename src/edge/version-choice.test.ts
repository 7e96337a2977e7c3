import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RoutedScript } from "../domain/routing.ts";
import { Cleanup } from "../lib/http/testing.ts";
import { address, script, snapshot, socketPath, startEdge, startServer, type TestEdge } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const HOST = "hello.acc.localhost";
const shares = [
  { versionId: "v1", percentage: 50 },
  { versionId: "v2", percentage: 50 },
];

let edge: TestEdge;
beforeEach(async () => {
  const runners = new Map<string, string>();
  for (const versionId of ["v1", "v2"]) {
    const path = await socketPath(cleanup);
    await startServer(cleanup, path, true, (request, response) =>
      response.end(`${versionId} ${JSON.stringify(request.headers)}`),
    );
    runners.set(versionId, path);
  }
  edge = await startEdge(cleanup, {
    acquire: async (versionId) => address(versionId, runners.get(versionId) ?? "", versionId),
  });
});

const route = (parts: Partial<RoutedScript> = {}) => edge.route(snapshot(script("hello", { shares, ...parts })));
const get = (fields = "", host = HOST) => edge.get(host, "/", fields);
const version = async (fields = "") => (await get(fields)).body.slice(0, 2);

/** The versions that 40 requests meet. Only one: by chance once in 10^11 times. */
async function versions(fields: string | ((index: number) => string)): Promise<Set<string>> {
  const met = new Set<string>();
  for (let index = 0; index < 40; index++) met.add(await version(typeof fields === "string" ? fields : fields(index)));
  return met;
}

describe("without a rule", () => {
  test("chance decides, and no cookie is set", async () => {
    await route();
    expect((await versions("")).size).toBe(2);
    expect((await get()).head.toLowerCase()).not.toContain("set-cookie");
  });

  test("a key always leads to the same version, different ones to both", async () => {
    await route();
    expect((await versions("Cloudflare-Workers-Version-Key: alice\r\n")).size).toBe(1);
    expect((await versions((index) => `cloudflare-workers-version-key: user-${index}\r\n`)).size).toBe(2);
    // An empty one is none.
    expect((await versions("Cloudflare-Workers-Version-Key:\r\n")).size).toBe(2);
  });

  test("an override goes before a key; what cannot be followed changes nothing", async () => {
    await route({
      shares: [
        { versionId: "v1", percentage: 100 },
        { versionId: "v2", percentage: 0 },
      ],
    });
    expect(await version()).toBe("v1");
    expect(await version('Cloudflare-Workers-Version-Overrides: hello="v2"\r\n')).toBe("v2");
    expect(
      await version('Cloudflare-Workers-Version-Overrides: hello="v2"\r\nCloudflare-Workers-Version-Key: a\r\n'),
    ).toBe("v2");
    expect(
      await version(
        'Cloudflare-Workers-Version-Overrides: a="v1"\r\ncloudflare-workers-version-overrides: hello="v2"\r\n',
      ),
    ).toBe("v2");
    for (const bad of ['hello="v3"', "hello=v2", 'Hello="v2"', 'other="v2"', 'hello="v2"; ,'])
      expect(await version(`Cloudflare-Workers-Version-Overrides: ${bad}\r\n`), bad).toBe("v1");
  });

  test("the Worker sees both headers", async () => {
    await route();
    const { body } = await get(
      'Cloudflare-Workers-Version-Overrides: hello="v1"\r\nCloudflare-Workers-Version-Key: k\r\n',
    );
    expect(JSON.parse(body.slice(3))).toMatchObject({
      "cloudflare-workers-version-key": "k",
      "cloudflare-workers-version-overrides": 'hello="v1"',
    });
  });
});

describe("rules", () => {
  const cookieSet = (head: string) => /^set-cookie: (freehold_affinity=([^;]+);.*)$/im.exec(head);

  test("cookie: the first answer brings a key home, which keeps the version", async () => {
    await route({ affinity: "cookie" });
    for (let visitor = 0; visitor < 10; visitor++) {
      const first = await get();
      const [, cookie, key] = cookieSet(first.head) ?? [];
      expect(cookie).toMatch(/; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax$/);
      const back = await get(`Cookie: a=b; freehold_affinity=${key}; c=d\r\n`);
      expect(back.body.slice(0, 2)).toBe(first.body.slice(0, 2));
      expect(cookieSet(back.head)).toBeNull();
      // What brings the key home is for this visitor alone.
      expect(first.head).toMatch(/^cache-control: private$/im);
      expect(back.head).not.toMatch(/^cache-control:/im);
    }
    // A forged one is replaced.
    expect(cookieSet((await get("Cookie: freehold_affinity=x\r\n")).head)).not.toBeNull();
    // Who brings a key needs no cookie.
    expect(cookieSet((await get("Cloudflare-Workers-Version-Key: k\r\n")).head)).toBeNull();
  });

  test("cookie: none once one version has everything", async () => {
    await route({ affinity: "cookie", shares: [{ versionId: "v1", percentage: 100 }] });
    expect(cookieSet((await get()).head)).toBeNull();
  });

  test("header: its value is the key; without it chance decides", async () => {
    await route({ affinity: "header:x-user" });
    expect((await versions("X-User: alice\r\n")).size).toBe(1);
    expect((await versions((index) => `x-user: ${index}\r\n`)).size).toBe(2);
    expect((await versions("")).size).toBe(2);
  });

  test("ip: one address, one version", async () => {
    await route({ affinity: "ip" });
    expect((await versions("")).size).toBe(1);
  });
});

test("search engines keep out of version and alias URLs, whoever answers there, and of nothing else", async () => {
  const versionId = "11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
  await route({ versions: ["v1", versionId], aliases: { next: "v1" } });
  const robots = async (host: string) => {
    const { status, head } = await get("", host);
    return [status, /^x-robots-tag: (.*)$/im.exec(head)?.[1]];
  };
  expect(await robots(`next-${HOST}`)).toEqual([200, "noindex"]);
  // Its runner does not start.
  expect(await robots(`11111111-${HOST}`)).toEqual([503, "noindex"]);
  expect(await robots(HOST)).toEqual([200, undefined]);
  expect(await robots(`other-${HOST}`)).toEqual([404, undefined]);
});

describe("counts of a watched rollout", () => {
  test("tell the versions apart; errors are those from 500 on, whoever answers", async () => {
    await route({
      measured: true,
      shares: [...shares.map((share) => ({ ...share, percentage: 33 })), { versionId: "v3", percentage: 34 }],
    });
    const asked = (versionId: string) => get(`Cloudflare-Workers-Version-Overrides: hello="${versionId}"\r\n`);
    for (let index = 0; index < 5; index++) await asked("v1");
    await asked("v2");
    // Has no runner.
    expect((await asked("v3")).status).toBe(503);
    const { edgeId, versions } = edge.edge.counts();
    expect(edgeId).not.toBe("");
    expect(versions.v1).toMatchObject({ requests: 5, errors: 0 });
    expect(versions.v2).toMatchObject({ requests: 1, errors: 0 });
    expect(versions.v3).toMatchObject({ requests: 1, errors: 1 });
    expect(versions.v1?.latencies.reduce((sum, count) => sum + count)).toBe(5);
    await route();
    expect(edge.edge.counts()).toEqual({ edgeId, versions: {} });
  });

  test("leave out previews, and everything that nobody watches", async () => {
    await route({ measured: true, aliases: { next: "v1" } });
    expect((await get("", `next-${HOST}`)).status).toBe(200);
    await route();
    await get();
    expect(edge.edge.counts().versions).toEqual({});
  });
});
