import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { r2Routes } from "../products/r2/routes.ts";
import type { ServicesReply } from "../store/platform.ts";
import { routedNames } from "./routed-names.ts";
import { type TestApi, testApi } from "./testing.ts";

let api: TestApi;
let zone: string;
/** Buckets of the store by name, with their ids. */
let buckets: Map<string, string>;

beforeEach(async () => {
  api = await testApi({}, r2Routes);
  buckets = new Map([
    ["photos", "1".repeat(32)],
    ["films", "2".repeat(32)],
  ]);
  api.platform.services = async (path, { method } = {}) => {
    const name = path.split("/").at(-1) ?? "";
    const id = buckets.get(name);
    const found =
      id === undefined ? { code: 10006, message: "none" } : { id, name, accountId: api.platform.account.id };
    if (method === "DELETE") buckets.delete(name);
    return reply(id === undefined ? 404 : 200, found);
  };
  zone = (await api.call("POST", "//zones", { name: "example.com" })).result.id;
});
afterEach(() => api.end());

function reply(status: number, value: unknown): ServicesReply {
  return { status, reason: "", header: () => undefined, body: Readable.from([Buffer.from(JSON.stringify(value))]) };
}

const path = (bucket: string) => `//accounts/${api.platform.account.id}/r2/buckets/${bucket}/domains/custom`;
const add = (bucket: string, domain: string, more = {}) => api.call("POST", path(bucket), { domain, ...more });
const routed = async () => (await routedNames(api.platform.db)).bucketDomains;

test("a host name of the account's zone is a bucket's, until it is taken back", async () => {
  const added = await add("photos", "Files.example.com.", { zoneId: zone, minTLS: "1.3" });
  const shown = {
    ...{ domain: "files.example.com", enabled: true, minTLS: "1.3", zoneId: zone, zoneName: "example.com" },
    status: { ownership: "active", ssl: "active" },
  };
  expect(added.result).toEqual(shown);
  expect((await api.call("GET", path("photos"))).result).toEqual({ domains: [shown] });
  expect((await api.call("GET", path("films"))).result).toEqual({ domains: [] });
  const target = { hostname: "files.example.com", accountId: api.platform.account.id, bucketId: "1".repeat(32) };
  expect(await routed()).toEqual([{ ...target, enabled: true, minTls: "1.3" }]);

  const one = `${path("photos")}/FILES.example.com`;
  const changed = await api.call("PUT", one, { enabled: false, minTLS: "1.2" });
  expect(changed.result).toMatchObject({ enabled: false, minTLS: "1.2", status: { ssl: "deactivated" } });
  expect((await api.call("GET", one)).result).toEqual(changed.result);
  expect(await routed()).toEqual([{ ...target, enabled: false, minTls: "1.2" }]);
  expect((await api.call("GET", `${path("films")}/files.example.com`)).code).toBe(10007);

  expect((await api.call("DELETE", one)).result).toEqual({ domain: "files.example.com" });
  expect((await api.call("DELETE", one)).code).toBe(10007);
  expect(await routed()).toBeUndefined();
});

describe("a host name has one holder", () => {
  const worker = (hostname: string) => api.call("PUT", "/domains", { hostname, service: "app" });

  test.each([
    ["*.example.com", 100113],
    ["example", 100113],
    ["files.elsewhere.com", 10082],
    ["x.foreign.example", 10082],
    ["a.r2.localhost", 10084],
    ["photos.dev.localhost", 10084],
    ["app.example.com", 100116],
    ["films.example.com", 100116],
    ["theirs.example.com", 100116],
  ])("%s cannot be a bucket's: %i", async (hostname, code) => {
    const { db } = api.platform;
    const other = "f".repeat(32);
    await db.insertInto("accounts").values({ id: other, name: "F", subdomain: "foreign", created_on: "" }).execute();
    const theirs = { account_id: other, created_on: "" };
    await db
      .insertInto("zones")
      .values({ id: "9".repeat(32), name: "foreign.example", ...theirs })
      .execute();
    await db
      .insertInto("custom_domains")
      .values({ id: "1", hostname: "theirs.example.com", bucket_id: "3", enabled: 1, previews_enabled: 0, ...theirs })
      .execute();
    await api.deploy("app");
    await worker("app.example.com");
    await add("films", "films.example.com");
    const refused = await add("photos", hostname);
    expect(refused.code).toBe(code);
    expect((await api.call("GET", path("photos"))).result.domains).toEqual([]);
  });

  test("a bucket's is no Worker's, and nobody's zone above it", async () => {
    await add("photos", "files.example.com");
    await api.deploy("app");
    const refused = await worker("files.example.com");
    expect(refused).toMatchObject({ status: 409, code: 100116 });
    expect(refused.errors[0]?.message).toContain("r2 bucket domain remove photos --domain files.example.com");
    const origins = [{ hostname: "files.example.com" }];
    const all = { origins, override_existing_origin: true };
    expect((await api.call("PUT", "/scripts/app/domains/records", all)).code).toBe(100116);
    expect((await api.call("POST", "/scripts/app/domains/changeset", origins)).code).toBe(100116);
    expect((await api.call("GET", "/domains")).result).toEqual([]);
    // A route may stand in front of it, as of a Worker's.
    const route = { pattern: "files.example.com/api/*", script: "app" };
    expect((await api.call("POST", `//zones/${zone}/workers/routes`, route)).status).toBe(200);
  });

  test("the zone's end is the domain's", async () => {
    await add("photos", "files.example.com");
    await api.call("DELETE", `//zones/${zone}`);
    expect((await api.call("GET", path("photos"))).result.domains).toEqual([]);
  });

  test("a bucket's end is its domains', and a new one of the name inherits none", async () => {
    await add("photos", "files.example.com");
    await add("films", "films.example.com");
    await api.call("DELETE", `//accounts/${api.platform.account.id}/r2/buckets/photos`);
    expect(await routed()).toMatchObject([{ hostname: "films.example.com" }]);
    // Deleted and made again behind the API's back, with the S3 API.
    buckets.set("films", "4".repeat(32));
    expect((await api.call("GET", path("films"))).result.domains).toEqual([]);
    expect((await api.call("GET", `${path("films")}/films.example.com`)).code).toBe(10007);
    expect((await add("films", "films.example.com")).status).toBe(200);
    expect(await routed()).toMatchObject([{ bucketId: "4".repeat(32) }]);
    // What is gone for good can still be let go of.
    buckets.delete("films");
    expect((await api.call("DELETE", `${path("films")}/films.example.com`)).status).toBe(200);
  });

  test("a bucket has 50 at most", async () => {
    const rows = Array.from({ length: 50 }, (_, n) => ({
      ...{ id: `d${n}`, hostname: `d${n}.example.com`, account_id: api.platform.account.id, zone_id: zone },
      ...{ bucket_id: "1".repeat(32), bucket_name: "photos", enabled: 1, previews_enabled: 0, created_on: "" },
    }));
    await api.platform.db.insertInto("custom_domains").values(rows).execute();
    expect((await add("photos", "one-more.example.com")).code).toBe(10029);
    expect((await add("photos", "d1.example.com")).status).toBe(200);
    expect((await add("films", "one-more.example.com")).status).toBe(200);
  });
});
