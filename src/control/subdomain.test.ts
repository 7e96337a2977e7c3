import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { subdomainRoutes } from "./subdomain.ts";
import { type TestControl, testControl } from "./testing.ts";

let control: TestControl;
let path: string;
const start = async (env: Record<string, string> = {}) => {
  control = await testControl(() => subdomainRoutes, env);
  path = `/accounts/${control.accountId}/workers/subdomain`;
};
beforeEach(() => start());
afterEach(() => control.end());

/** How the client makes the URL that it prints (`wrangler-api.md` 1.8). */
const printedUrl = (script: string, subdomain: string) => new URL(`https://${script}.${subdomain}.workers.dev`);

describe("GET workers/subdomain", () => {
  it("makes the client's URL open here", async () => {
    const { result } = (await control.call("GET", path, { as: "read" })).json;
    expect(result).toEqual({ subdomain: "dev.localhost:8787/#" });
    const url = printedUrl("hello", (result as { subdomain: string }).subdomain);
    expect([url.host, url.pathname]).toEqual(["hello.dev.localhost:8787", "/"]);
  });

  it("leaves out the port of https", async () => {
    await control.end();
    await start({ FREEHOLD_PORT: "443", FREEHOLD_DOMAIN: "apps.example.com" });
    expect((await control.call("GET", path)).json.result).toEqual({ subdomain: "dev.apps.example.com/#" });
  });

  it("names the second port where there is one", async () => {
    await control.end();
    await start({ FREEHOLD_HTTPS_PORT: "443" });
    expect((await control.call("GET", path)).json.result).toEqual({ subdomain: "dev.localhost/#" });
  });
});

describe("PUT workers/subdomain", () => {
  it.each([
    "team-1",
    " Team-1 ",
    "team-1.localhost",
    "team-1.localhost:8787",
    "team-1.localhost:8787/#",
    "team-1.localhost:8787/#.workers.dev",
    "https://team-1.localhost:8787/",
    "team-1.workers.dev",
  ])("takes %j as team-1, and publishes", async (subdomain) => {
    const { status, json } = await control.call("PUT", path, { body: { subdomain } });
    expect([status, json.result]).toEqual([200, { subdomain: "team-1.localhost:8787/#" }]);
    expect((await control.call("GET", path)).json.result).toEqual({ subdomain: "team-1.localhost:8787/#" });
    expect(control.platform.runtime.published).toBe(1);
    expect(await control.platform.db.selectFrom("audit_events").select(["action", "target"]).execute()).toEqual([
      { action: "subdomain.rename", target: "team-1" },
    ]);
  });

  it.each(["", "-a", "a-", "a.b", "a_b", "x".repeat(64), "a b", "ü", "team.other.example"])(
    "refuses %j",
    async (subdomain) => {
      expect((await control.call("PUT", path, { body: { subdomain } })).status).toBe(400);
    },
  );

  it("refuses what others have or the platform keeps", async () => {
    await control.platform.db
      .insertInto("accounts")
      .values({ id: "b".repeat(32), name: "Other", subdomain: "other", created_on: "2026-01-01" })
      .execute();
    for (const subdomain of ["other", "pages", "s3", "r2"]) {
      const { status, json } = await control.call("PUT", path, { body: { subdomain } });
      expect([status, json.errors[0]?.code]).toEqual([409, 10031]);
    }
  });

  it("changes nothing when the account has it already", async () => {
    expect((await control.call("PUT", path, { body: { subdomain: "dev" } })).status).toBe(200);
    expect(control.platform.runtime.published).toBe(0);
  });

  it("needs the admin scope", async () => {
    expect((await control.call("PUT", path, { as: "edit", body: { subdomain: "x" } })).status).toBe(403);
  });
});

describe("GET workers/subdomains/:name", () => {
  it.each([
    ["free", 10032],
    ["dev", 10031],
    ["pages", 10031],
    ["no_label", 10026],
  ])("%s: %i", async (name, code) => {
    const { json } = await control.call("GET", `${path}s/${name}`, { as: "read" });
    expect([json.success, json.errors[0]?.code]).toEqual([false, code]);
  });
});
