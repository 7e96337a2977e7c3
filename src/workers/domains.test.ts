import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attachDomain } from "./domains.ts";
import { routedNames } from "./routed-names.ts";
import { type TestApi, testApi } from "./testing.ts";
import { zoneRoutes } from "./zone-routes.ts";

let api: TestApi;
let zone: string;
beforeEach(async () => {
  api = await testApi();
  zone = (await api.call("POST", "//zones", { name: "Example.com" })).result.id;
  await api.deploy("a");
  await api.deploy("b");
});
afterEach(() => api.end());

const routesOf = async (script: string) =>
  (await api.call("GET", `/scripts/${script}/routes`)).result.map(({ pattern }: { pattern: string }) => pattern);
const domainsOf = async (script: string) =>
  (await api.call("GET", `/domains/records?page=0&per_page=5&service=${script}&environment=production`)).result.map(
    ({ hostname }: { hostname: string }) => hostname,
  );
const put = (script: string, routes: unknown[]) => api.call("PUT", `/scripts/${script}/routes`, routes);
const records = (script: string, origins: unknown[], override = false) =>
  api.call("PUT", `/scripts/${script}/domains/records`, {
    override_scope: true,
    override_existing_origin: override,
    override_existing_dns_record: override,
    origins,
  });

/** An account beside the test's own. */
async function addForeignZone(name: string): Promise<void> {
  const { db } = api.platform;
  const id = "f".repeat(32);
  await db.insertInto("accounts").values({ id, name: "F", subdomain: "foreign", created_on: "" }).execute();
  await db
    .insertInto("zones")
    .values({ id: "9".repeat(32), account_id: id, name, created_on: "" })
    .execute();
}

describe("zones", () => {
  test("are found as the client looks for them", async () => {
    const found = await api.call("GET", `//zones?name=example.com&account.id=${api.platform.account.id}`);
    expect(found.result).toMatchObject([{ id: zone, name: "example.com", status: "active", type: "full" }]);
    expect(found.resultInfo).toMatchObject({ page: 1, total_count: 1 });
    expect((await api.call("GET", "//zones?name=www.example.com")).result).toEqual([]);
    expect((await api.call("GET", `//zones?name=example.com&account.id=${"0".repeat(32)}`)).result).toEqual([]);
    expect((await api.call("GET", `//zones/${zone}`)).result).toMatchObject({ name: "example.com" });
  });

  test("are first come, first served, so that only who has an admin token makes and ends them", () => {
    const scopes = zoneRoutes
      .filter(({ path }) => !path.includes("/workers/"))
      .map((one) => `${one.method} ${one.scope}`);
    expect(scopes).toEqual(["GET read", "POST admin", "GET read", "DELETE admin"]);
  });

  test("come in pages, by name", async () => {
    for (const name of ["c.org", "b.org", "a.org"]) await api.call("POST", "//zones", { name });
    const page = await api.call("GET", "//zones?page=2&per_page=2");
    expect(page.result.map(({ name }: { name: string }) => name)).toEqual(["c.org", "example.com"]);
    expect(page.resultInfo).toMatchObject({ page: 2, count: 2, total_count: 4, total_pages: 2 });
  });

  test.each([
    ["example.com", 1061],
    ["EXAMPLE.com.", 1061],
    ["nothing", 1049],
    ["", 1049],
    ["*.example.com", 1049],
    ["https://example.com", 1049],
    ["10.0.0.1", 1049],
    ["localhost", 1049],
    ["dev.localhost", 10084],
    ["shop.dev.localhost", 10084],
    ["pages.localhost", 10084],
    ["part.foreign.example", 1061],
  ])("cannot be %s: %i", async (name, code) => {
    await addForeignZone("foreign.example");
    expect((await api.call("POST", "//zones", { name })).code).toBe(code);
  });

  test("are at most 500", async () => {
    const rows = Array.from({ length: 499 }, (_, n) => ({
      ...{ id: `z${n}`, account_id: api.platform.account.id, name: `z${n}.org`, created_on: "" },
    }));
    await api.platform.db.insertInto("zones").values(rows).execute();
    expect((await api.call("POST", "//zones", { name: "one-more.org" })).code).toBe(10089);
  });

  test("cannot be above a host name of another account, in front of which routes would stand", async () => {
    await addForeignZone("foreign.example");
    const account_id = "f".repeat(32);
    const { db } = api.platform;
    // Whose script it is does not matter here.
    const { id: script_id } = await db.selectFrom("scripts").select("id").limit(1).executeTakeFirstOrThrow();
    const domain = { id: "1", account_id, hostname: "www.taken.org", script_id, created_on: "" };
    await db
      .insertInto("custom_domains")
      .values({ ...domain, zone_id: null, enabled: 1, previews_enabled: 0 })
      .execute();
    for (const name of ["taken.org", "www.taken.org"])
      expect((await api.call("POST", "//zones", { name })).code).toBe(1061);
    expect((await api.call("POST", "//zones", { name: "n.org" })).status).toBe(200);
  });

  test("may be below the base domain, and inside of another of the account", async () => {
    expect((await api.call("POST", "//zones", { name: "shop.localhost" })).status).toBe(200);
    expect((await api.call("POST", "//zones", { name: "sub.example.com" })).status).toBe(200);
  });

  test("take their routes and domains with them, and nothing else", async () => {
    await put("a", [{ pattern: "example.com/*" }]);
    await records("b", [{ hostname: "b.example.com" }]);
    expect((await api.call("DELETE", `//zones/${zone}`)).result).toEqual({ id: zone });
    expect(await routesOf("a")).toEqual([]);
    expect(await domainsOf("b")).toEqual([]);
    expect((await api.call("GET", `//zones/${zone}`)).code).toBe(7003);
    expect((await api.call("GET", "/scripts/b/routes")).status).toBe(200);
  });

  test("of another account are unknown", async () => {
    await addForeignZone("foreign.example");
    const foreign = "9".repeat(32);
    expect((await api.call("GET", `//zones/${foreign}`)).code).toBe(7003);
    expect((await api.call("DELETE", `//zones/${foreign}`)).code).toBe(7003);
    expect((await api.call("POST", `//zones/${foreign}/workers/routes`, { pattern: "foreign.example/*" })).code).toBe(
      7003,
    );
    expect((await put("a", [{ pattern: "foreign.example/*" }])).code).toBe(10082);
    expect((await put("a", [{ pattern: "foreign.example/*", zone_id: foreign }])).code).toBe(7003);
    expect((await put("a", [{ pattern: "foreign.example/*", zone_name: "foreign.example" }])).code).toBe(10082);
    expect((await records("a", [{ hostname: "x.foreign.example" }])).code).toBe(10082);
  });
});

describe("routes of a script", () => {
  test("are replaced as a whole", async () => {
    const first = await put("a", [
      { pattern: "example.com/*" },
      { pattern: "*.example.com/api/*", zone_name: "example.com" },
      { pattern: "Example.com/*", zone_id: zone },
    ]);
    expect(first.result).toMatchObject([
      { pattern: "*.example.com/api/*", script: "a", zone_id: zone, zone_name: "example.com" },
      { pattern: "example.com/*", script: "a" },
    ]);
    const kept = first.result[1].id;
    const second = await put("a", [{ pattern: "example.com/*" }, { pattern: "example.com/x" }]);
    expect(second.result).toMatchObject([{ pattern: "example.com/*", id: kept }, { pattern: "example.com/x" }]);
    expect((await put("a", [])).result).toEqual([]);
    expect(api.platform.runtime.published).toBeGreaterThanOrEqual(3);
  });

  test.each([
    [{ pattern: "example.com/*.jpg" }, 10022],
    [{ pattern: "other.org/*" }, 10082],
    [{ pattern: "other.org/*", zone_name: "example.com" }, 10083],
    [{ pattern: "*.com/*" }, 10082],
    [{ pattern: "example.com/*", zone_name: "nothing.org" }, 10082],
    [{ pattern: "example.com/*", zone_id: "0" }, 7003],
    [{ pattern: "example.com/b" }, 10020],
    [{ pattern: "example.com/nobody" }, 10020],
  ])("%j is refused with %i, and nothing changes", async (route, code) => {
    await put("a", [{ pattern: "example.com/kept" }]);
    await put("b", [{ pattern: "example.com/b" }]);
    await api.call("POST", `//zones/${zone}/workers/routes`, { pattern: "example.com/nobody" });
    const published = api.platform.runtime.published;
    expect((await put("a", [{ pattern: "example.com/new" }, route])).code).toBe(code);
    expect(await routesOf("a")).toEqual(["example.com/kept"]);
    expect(api.platform.runtime.published).toBe(published);
  });

  test("belong to the closest zone", async () => {
    const sub = (await api.call("POST", "//zones", { name: "sub.example.com" })).result.id;
    expect((await put("a", [{ pattern: "x.sub.example.com/*" }])).result).toMatchObject([{ zone_id: sub }]);
    expect((await put("a", [{ pattern: "x.sub.example.com/*", zone_id: zone }])).code).toBe(10083);
  });

  test("go with the script", async () => {
    await put("a", [{ pattern: "example.com/*" }]);
    await records("a", [{ hostname: "a.example.com" }]);
    await api.call("DELETE", "/scripts/a");
    expect((await api.call("GET", `//zones/${zone}/workers/routes`)).result).toEqual([]);
    expect((await api.call("GET", "/domains")).result).toEqual([]);
  });
});

describe("routes of a zone", () => {
  const routes = () => `//zones/${zone}/workers/routes`;

  test("are created, read, changed and deleted", async () => {
    const made = await api.call("POST", routes(), { pattern: "example.com/*", script: "a" });
    const { id } = made.result;
    expect(made.result).toEqual({ id, pattern: "example.com/*", script: "a", request_limit_fail_open: false });
    expect((await api.call("GET", `${routes()}/${id}`)).result).toEqual(made.result);
    const changed = await api.call("PUT", `${routes()}/${id}`, { pattern: "www.example.com/*", script: "b" });
    expect(changed.result).toMatchObject({ id, pattern: "www.example.com/*", script: "b" });
    const negating = await api.call("PUT", `${routes()}/${id}`, { pattern: "www.example.com/x/*" });
    expect(negating.result).toMatchObject({ id, pattern: "www.example.com/x/*", script: null });
    expect((await api.call("GET", routes())).result).toEqual([negating.result]);
    expect((await api.call("DELETE", `${routes()}/${id}`)).result).toEqual({ id });
    expect((await api.call("DELETE", `${routes()}/${id}`)).code).toBe(10009);
  });

  test("fail closed unless they are told otherwise, which deploys do not change", async () => {
    const pattern = "example.com/*";
    const made = await api.call("POST", routes(), { pattern, script: "a", request_limit_fail_open: true });
    expect(made.result.request_limit_fail_open).toBe(true);
    await put("a", [{ pattern }, { pattern: "www.example.com/*" }]);
    const failOpen = async () => {
      const { result } = await api.call("GET", "/scripts/a/routes");
      return result.map((route: { request_limit_fail_open: boolean }) => route.request_limit_fail_open);
    };
    expect(await failOpen()).toEqual([true, false]);
    const route = `${routes()}/${made.result.id}`;
    await api.call("PUT", route, { pattern, script: "a" });
    expect(await failOpen()).toEqual([true, false]);
    await api.call("PUT", route, { pattern, script: "a", request_limit_fail_open: false });
    expect(await failOpen()).toEqual([false, false]);
  });

  test.each([
    [{ pattern: "example.com/*", script: "b" }, 10020],
    [{ pattern: "example.com/new", script: "none" }, 10007],
    [{ pattern: "other.org/*", script: "a" }, 10083],
    [{ pattern: "/x", script: "a" }, 10022],
  ])("%j is refused with %i", async (body, code) => {
    await put("a", [{ pattern: "example.com/*" }]);
    expect((await api.call("POST", routes(), body)).code).toBe(code);
  });

  test("are at most 1,000", async () => {
    const all = Array.from({ length: 1000 }, (_, index) => ({ pattern: `example.com/${index}` }));
    expect((await put("a", all)).status).toBe(200);
    expect((await api.call("POST", routes(), { pattern: "example.com/more", script: "b" })).code).toBe(10085);
    expect(await routesOf("b")).toEqual([]);
  });
});

describe("custom domains", () => {
  test("are replaced as a whole", async () => {
    const first = await records("a", [
      { hostname: "A.example.com" },
      { hostname: "example.com", zone_name: "example.com" },
    ]);
    expect(first.result).toMatchObject([
      { hostname: "a.example.com", service: "a", environment: "production", zone_id: zone, enabled: true },
      { hostname: "example.com", previews_enabled: false },
    ]);
    const second = await records("a", [{ hostname: "a.example.com", enabled: false, previews_enabled: true }]);
    expect(second.result).toMatchObject([{ id: first.result[0].id, enabled: false, previews_enabled: true }]);
    expect(await domainsOf("a")).toEqual(["a.example.com"]);
    expect((await records("a", [])).result).toEqual([]);
  });

  test.each([
    ["*.example.com", 100113],
    ["a.example.com/x", 100113],
    ["a.example.com:80", 100113],
    ["localhost", 100113],
    ["a.other.org", 10082],
    ["x.dev.localhost", 10084],
    ["taken.example.com", 100116],
    ["theirs.example.com", 100116],
  ])("%s is refused with %i, and nothing changes", async (hostname, code) => {
    await records("b", [{ hostname: "taken.example.com" }]);
    await addForeignZone("foreign.example");
    await api.platform.db
      .insertInto("custom_domains")
      .values({
        ...{ id: "1", account_id: "f".repeat(32), hostname: "theirs.example.com", zone_id: null },
        ...{ script_id: (await api.platform.db.selectFrom("scripts").select("id").executeTakeFirstOrThrow()).id },
        ...{ enabled: 1, previews_enabled: 0, created_on: "" },
      })
      .execute();
    expect((await records("a", [{ hostname: "new.example.com" }, { hostname }])).code).toBe(code);
    expect(await domainsOf("a")).toEqual([]);
  });

  test("move to another script when the client says so", async () => {
    await records("b", [{ hostname: "x.example.com" }]);
    expect((await records("a", [{ hostname: "x.example.com" }], true)).result).toMatchObject([{ service: "a" }]);
    expect(await domainsOf("b")).toEqual([]);
    expect((await api.call("PUT", "/domains", { hostname: "x.example.com", service: "b" })).result).toMatchObject({
      service: "b",
    });
    expect(await domainsOf("a")).toEqual([]);
  });

  test("outside of zones are at most 500 of an account", async () => {
    const { db } = api.platform;
    const script = await db.selectFrom("scripts").selectAll().where("name", "=", "a").executeTakeFirstOrThrow();
    const common = { account_id: script.account_id, script_id: script.id, zone_id: null, created_on: "" };
    const rows = Array.from({ length: 500 }, (_, n) => ({
      ...{ id: `d${n}`, hostname: `www.d${n}.org`, enabled: 1, previews_enabled: 0, ...common },
    }));
    await db.insertInto("custom_domains").values(rows).execute();
    const attach = attachDomain(db, api.platform, script, { hostname: "x.org" }, { override: false, zoneless: true });
    await expect(attach).rejects.toMatchObject({ failures: [{ code: 100114 }] });
  });

  test("a changeset says what would change", async () => {
    await records("a", [{ hostname: "same.example.com" }, { hostname: "gone.example.com" }]);
    await records("b", [{ hostname: "moved.example.com" }]);
    const wishes = ["same", "moved", "new"].map((label) => ({ hostname: `${label}.example.com` }));
    const { result } = await api.call("POST", "/scripts/a/domains/changeset?replace_state=true", wishes);
    expect(result).toMatchObject({
      added: [{ hostname: "new.example.com", enabled: true, previews_enabled: false }],
      removed: [{ hostname: "gone.example.com" }],
      updated: [
        { hostname: "same.example.com", modified: false },
        { hostname: "moved.example.com", modified: true, service: "b" },
      ],
      conflicting: [],
    });
    expect((await api.call("POST", "/scripts/a/domains/changeset", wishes)).result.removed).toEqual([]);
    expect(await domainsOf("b")).toEqual(["moved.example.com"]);
  });

  test("are read and deleted by id, under both names of the list", async () => {
    const [{ id }] = (await records("a", [{ hostname: "a.example.com" }])).result;
    for (const list of ["/domains", "/domains/records"]) {
      expect((await api.call("GET", `${list}/${id}`)).result).toMatchObject({ hostname: "a.example.com" });
      expect((await api.call("GET", `${list}?hostname=a.example.com&zone_name=example.com`)).result).toHaveLength(1);
      expect((await api.call("GET", `${list}?hostname=b.example.com`)).result).toEqual([]);
    }
    expect((await api.call("DELETE", `/domains/${id}`)).status).toBe(200);
    expect((await api.call("DELETE", `/domains/${id}`)).code).toBe(100115);
  });
});

test("the routing snapshot names scripts by their ids", async () => {
  await put("a", [{ pattern: "example.com/*" }]);
  await api.call("POST", `//zones/${zone}/workers/routes`, { pattern: "example.com/x" });
  await records("b", [{ hostname: "b.example.com", previews_enabled: true }]);
  const ids = new Map(
    (await api.platform.db.selectFrom("scripts").select(["name", "id"]).execute()).map(({ name, id }) => [name, id]),
  );
  expect(await routedNames(api.platform.db)).toEqual({
    zones: [
      {
        accountId: api.platform.account.id,
        name: "example.com",
        routes: [
          { pattern: "example.com/*", scriptId: ids.get("a") },
          { pattern: "example.com/x", scriptId: null },
        ],
      },
    ],
    domains: [{ hostname: "b.example.com", scriptId: ids.get("b"), enabled: true, previewsEnabled: true }],
  });
});
