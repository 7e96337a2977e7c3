import { afterEach, beforeEach, expect, it } from "vitest";
import { type TestApi, testApi, uploadForm } from "../workers/testing.ts";
import { deploySite, uploadAssets } from "../workers/testing-assets.ts";
import { SnapshotTaker } from "./snapshot.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
});
afterEach(() => api.end());

const HOUR_MS = 3_600_000;

async function routed(retentionMs = 24 * HOUR_MS) {
  const { scripts } = (await new SnapshotTaker(api.platform.db, retentionMs).take()).routing;
  const script = scripts.find(({ name }) => name === "s");
  if (!script) throw new Error("the script is not routed");
  return script;
}

/** Deploys a page; its version and the key of its site. */
async function release(text: string): Promise<{ version: string; site: string }> {
  const { result } = await deploySite(api, "s", { "/index.html": text });
  const version = result.deployment_id as string;
  return { version, site: api.platform.runtime.records.get(version)?.assets?.site ?? "" };
}

/** As if every deployment so far was so many hours ago. */
async function age(hours: number): Promise<void> {
  const created_on = new Date(Date.now() - hours * HOUR_MS).toISOString();
  await api.platform.db.updateTable("deployments").set({ created_on }).execute();
}

it("a version without assets has none", async () => {
  await api.deploy("s");
  expect(await routed()).not.toHaveProperty("sites");
  expect(await routed()).not.toHaveProperty("retainedSites");
});

it("names the site of each version, also of those that are not deployed", async () => {
  const first = await release("one");
  const jwt = await uploadAssets(api, "s", { "/index.html": "two" });
  const { result } = await api.call("POST", "/scripts/s/versions", uploadForm({ assets: { jwt } }));
  const site = api.platform.runtime.records.get(result.id)?.assets?.site;
  expect((await routed()).sites).toEqual({ [first.version]: first.site, [result.id]: site });
});

it("names the site of an active version that is older than the listed ones", async () => {
  const { version, site } = await release("one");
  await api.platform.db
    .insertInto("versions")
    .values(await numbered(200))
    .execute();
  await api.platform.db.updateTable("scripts").set({ next_version_number: 202 }).execute();
  const script = await routed();
  expect(script.versions).not.toContain(version);
  expect(script.sites).toEqual({ [version]: site });
});

async function numbered(count: number) {
  const row = await api.platform.db.selectFrom("versions").selectAll().executeTakeFirstOrThrow();
  return Array.from({ length: count }, (_, i) => ({ ...row, id: `v${i}`, number: i + 2 }));
}

it("retains the sites of replaced versions for the retention, newest first", async () => {
  const one = await release("one");
  await age(48);
  const two = await release("two");
  // The first one was served until a moment ago.
  expect((await routed()).retainedSites).toEqual([one.site]);
  const three = await release("three");
  expect((await routed()).retainedSites).toEqual([two.site, one.site]);
  await release("one");
  expect((await routed()).retainedSites).toEqual([three.site, two.site]);
  expect(await routed(0)).not.toHaveProperty("retainedSites");
  await age(25);
  expect(await routed()).not.toHaveProperty("retainedSites");
});

it("does not retain the site that is served, when only a secret changed", async () => {
  const { site } = await release("one");
  await api.call("PUT", "/scripts/s/secrets", { name: "A", text: "1", type: "secret_text" });
  const script = await routed();
  expect(Object.values(script.sites ?? {})).toEqual([site, site]);
  expect(script).not.toHaveProperty("retainedSites");
});

it("retains at most ten sites", async () => {
  const sites: string[] = [];
  for (let i = 0; i < 13; i++) sites.push((await release(`page ${i}`)).site);
  expect((await routed()).retainedSites).toEqual(sites.slice(2, 12).reverse());
});
