import { afterEach, beforeEach, expect, test } from "vitest";
import { ACCESS_PURPOSE, accessSeconds } from "../../domain/access.ts";
import { requireScript, scriptSettings } from "../scripts.ts";
import { type TestApi, testApi } from "../testing.ts";
import { accountProtections, protectionOf } from "./store.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
  await api.deploy("w");
});
afterEach(() => api.end());

const script = () => requireScript(api.platform, api.platform.account.id, "w");
const protection = async () => {
  const defaults = await accountProtections(api.platform);
  return protectionOf(scriptSettings(await script()), defaults.get(api.platform.account.id));
};
const seconds = async (token: string) => {
  const row = await script();
  const target = { scriptId: row.id, epoch: scriptSettings(row).access_epoch ?? 0 };
  return accessSeconds(api.platform.signingKey(ACCESS_PURPOSE), token, target, Date.now());
};
const link = (body: object = {}) => api.call("POST", "/scripts/w/access-links", body);

test("a script's own choice goes before its account's, which is off", async () => {
  expect((await api.call("GET", "/protection")).result).toEqual({ protection: "off" });
  expect(await protection()).toBeUndefined();
  const { published } = api.platform.runtime;
  await api.call("PUT", "/protection", { protection: "previews" });
  expect((await api.call("GET", "/protection")).result).toEqual({ protection: "previews" });
  expect(await protection()).toEqual({ scope: "previews", epoch: 0 });
  const set = (protection: string | null) => api.call("PATCH", "/scripts/w/script-settings", { protection });
  expect((await set("all")).result.protection).toBe("all");
  expect(await protection()).toEqual({ scope: "all", epoch: 0 });
  await set("off");
  expect(await protection()).toBeUndefined();
  await set(null);
  expect(await protection()).toEqual({ scope: "previews", epoch: 0 });
  expect(api.platform.runtime.published).toBe(published + 4);
  await expect(set("some")).rejects.toThrow();
  await expect(api.call("PUT", "/protection", { protection: "some" })).rejects.toThrow();
});

test("links open the script for as long as was asked", async () => {
  const { result } = await link();
  expect(await seconds(result.token)).toBeGreaterThan(3590);
  expect(result.url).toBe(`http://w.dev.localhost:8787/?freehold_access=${result.token}`);
  expect(Date.parse(result.expires_on) - Date.now()).toBeGreaterThan(3_590_000);
  const { result: preview } = await link({ preview: "next", path: "/docs?x=1", minutes: 0.5 });
  expect(preview.url).toBe(`http://next-w.dev.localhost:8787/docs?x=1&freehold_access=${preview.token}`);
  expect(await seconds(preview.token)).toBeLessThanOrEqual(30);
  expect(api.platform.audited.at(-1)).toMatchObject({ action: "access.link", target: "w" });
  expect(JSON.stringify(api.platform.audited)).not.toContain(result.token);
});

test("links lead nowhere else", async () => {
  expect((await link({ path: "//evil.example/" })).code).toBe(10021);
  for (const bad of [{ path: "docs" }, { preview: "a.b" }, { minutes: 0 }, { minutes: 1e9 }, { hours: 1 }])
    await expect(link(bad)).rejects.toThrow();
  expect((await api.call("POST", "/scripts/none/access-links", {})).code).toBe(10007);
});

test("all links can be ended, and no upload brings them back", async () => {
  const { token } = (await link()).result;
  await api.call("DELETE", "/scripts/w/access-links");
  expect(await seconds(token)).toBe(0);
  await api.call("PATCH", "/scripts/w/script-settings", { protection: "all", tags: ["x"] });
  await api.deploy("w");
  expect(await protection()).toEqual({ scope: "all", epoch: 1 });
  expect(await seconds(token)).toBe(0);
  expect(await seconds((await link()).result.token)).toBeGreaterThan(0);
});

test("a Pages project is protected as its script is, with links to its own addresses", async () => {
  const { db, account } = api.platform;
  const row = { ...(await script()), id: "p", name: "pages-worker--docs", kind: "pages" as const, tag: "p" };
  await db.insertInto("scripts").values(row).execute();
  const project = { id: "p1", account_id: account.id, name: "docs", label: "docs-x1", script_id: "p" };
  const more = { production_branch: "main", created_on: row.created_on, settings_json: "{}" };
  await db
    .insertInto("pages_projects")
    .values({ ...project, ...more })
    .execute();
  const path = "/scripts/pages-worker--docs";
  expect((await api.call("PATCH", `${path}/script-settings`, { protection: "all" })).result.protection).toBe("all");
  const { url } = (await api.call("POST", `${path}/access-links`, { preview: "next" })).result;
  expect(new URL(url).host).toBe("next.docs-x1.pages.localhost:8787");
});
