import { existsSync, utimesSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { paths } from "../domain/paths.ts";
import { collectAssets } from "../products/assets/collect.ts";
import { contentPath } from "../products/assets/content-path.ts";
import { type TestFiles, wranglerHash } from "../products/assets/testing-upload.ts";
import { assetUploads } from "../products/assets/uploads.ts";
import { VariantMaker } from "../products/assets/variant-maker.ts";
import { type TestApi, testApi } from "./testing.ts";
import { announce, assetsOnly, deploySite, uploadAssets } from "./testing-assets.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
});
afterEach(() => api.end());

const HOUR_MS = 3_600_000;
/** Beyond every grace and the retention. */
const LATER_MS = 60 * HOUR_MS;

const collect = (afterMs: number, strays = false) =>
  collectAssets(api.platform, { nowMs: Date.now() + afterMs, strays });
const blobCount = async () => (await api.platform.db.selectFrom("asset_blobs").select("key").execute()).length;

function file(path: string, content: string, form: "identity" | "br" = "identity"): string {
  const { assets } = paths(api.platform.config);
  return contentPath(assets, api.platform.account.id, wranglerHash(path, content), form);
}

const one: TestFiles = { "/index.html": "one", "/same.html": "same" };
const two: TestFiles = { "/index.html": "two", "/same.html": "same" };

it("keeps what versions that can be deployed name", async () => {
  await deploySite(api, "s", one);
  await deploySite(api, "s", two);
  // Only what the announcements left.
  expect(await collect(LATER_MS)).toEqual({ contents: 0, blobs: 2, strays: 0 });
  expect([file("/index.html", "one"), file("/same.html", "same")].map((path) => existsSync(path))).toEqual([
    true,
    true,
  ]);
});

it("frees what a deleted script alone had, with its encoded forms", async () => {
  const page = "<p>page</p>".repeat(200);
  await deploySite(api, "gone", { ...one, "/page.html": page });
  await deploySite(api, "stays", two);
  const maker = new VariantMaker(assetUploads(api.platform).store, api.platform.db);
  maker.kick();
  await maker.idle();
  expect(existsSync(file("/page.html", page, "br"))).toBe(true);
  await api.call("DELETE", "/scripts/gone");
  expect((await collect(LATER_MS)).contents).toBe(2);
  expect(existsSync(file("/index.html", "one"))).toBe(false);
  expect(existsSync(file("/page.html", page))).toBe(false);
  expect(existsSync(file("/page.html", page, "br"))).toBe(false);
  expect(existsSync(file("/same.html", "same"))).toBe(true);
  // The record and the table of "stays".
  expect(await blobCount()).toBe(2);
});

it("keeps what was uploaded a short while ago, and what an upload may still name", async () => {
  const jwt = await uploadAssets(api, "s", one);
  expect((await collect(HOUR_MS)).contents).toBe(0);
  // The contents are old, but an upload was told that they are there.
  await api.platform.db.updateTable("asset_contents").set({ created_on: "2020-01-01T00:00:00.000Z" }).execute();
  await api.platform.db.updateTable("asset_blobs").set({ used_on: "2020-01-01T00:00:00.000Z" }).execute();
  expect(await collect(0)).toEqual({ contents: 0, blobs: 0, strays: 0 });
  expect((await api.call("PUT", "/scripts/s", assetsOnly({ jwt }))).status).toBe(200);
});

it("frees uploads that never became a version", async () => {
  await uploadAssets(api, "s", one);
  expect(await collect(LATER_MS)).toEqual({ contents: 2, blobs: 1, strays: 0 });
  expect(await blobCount()).toBe(0);
  // They are asked for again.
  expect((await announce(api, "s", one)).result.buckets.flat()).toHaveLength(2);
  expect((await deploySite(api, "s", one)).status).toBe(200);
});

it("spares contents that an upload names while they are being collected", async () => {
  await deploySite(api, "gone", one);
  await api.call("DELETE", "/scripts/gone");
  await api.platform.db.deleteFrom("asset_sessions").execute();
  const [collected, announced] = await Promise.all([collect(LATER_MS), announce(api, "s", one)]);
  const missing: string[] = announced.result.buckets.flat();
  // Whichever came first: a file is missing to the upload exactly when it was removed.
  expect(collected.contents).toBe(missing.length);
  expect(existsSync(file("/index.html", "one"))).toBe(missing.length === 0);
});

it("keeps files of a version that was replaced until the retention is over", async () => {
  const { result } = await deploySite(api, "s", one);
  await deploySite(api, "s", two);
  const old = await api.platform.db
    .selectFrom("version_sites")
    .selectAll()
    .where("version_id", "=", result.deployment_id);
  // So old that it cannot be deployed any more.
  await api.platform.db.updateTable("scripts").set({ next_version_number: 102 }).execute();
  await api.platform.db.updateTable("versions").set({ number: 101 }).where("id", "!=", result.deployment_id).execute();
  expect(await old.execute()).toHaveLength(1);
  expect((await collect(30 * HOUR_MS)).contents).toBe(0);
  expect((await collect(LATER_MS)).contents).toBe(1);
  expect(existsSync(file("/index.html", "one"))).toBe(false);
});

it("does not take a module's blob for one of assets", async () => {
  await deploySite(api, "gone", one);
  const keys = (await api.platform.db.selectFrom("asset_blobs").select("key").execute()).map(({ key }) => key);
  const bytes = await Promise.all(keys.map(async (key) => Buffer.from((await api.platform.blobs.get(key)) ?? [])));
  await api.deploy("copy", {}, {
    "index.js": ["export default {}", "application/javascript+module"],
    ...Object.fromEntries(bytes.map((content, i) => [`${i}.bin`, [content, "application/octet-stream"] as const])),
  } as never);
  await api.call("DELETE", "/scripts/gone");
  await collect(LATER_MS);
  for (const key of keys) expect(await api.platform.blobs.get(key)).toBeDefined();
});

it("removes old files that have no row", async () => {
  await deploySite(api, "s", one);
  const stray = file("/x.html", "stray");
  const young = file("/y.html", "young");
  for (const path of [stray, `${stray}.br`, young]) writeFileSync(path, "x");
  for (const path of [stray, `${stray}.br`]) utimesSync(path, 0, 0);
  expect((await collect(0, true)).strays).toBe(2);
  expect([existsSync(stray), existsSync(young), existsSync(file("/index.html", "one"))]).toEqual([false, true, true]);
});
