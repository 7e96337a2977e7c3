import { existsSync, readFileSync, rmSync } from "node:fs";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type TestPlatform, testPlatform } from "../../store/testing.ts";
import type { Form } from "./conditional.ts";
import { contentPath } from "./content-path.ts";
import { ContentStore } from "./store.ts";
import { VariantMaker } from "./variant-maker.ts";

let platform: TestPlatform;
let store: ContentStore;
let maker: VariantMaker;
beforeEach(async () => {
  platform = await testPlatform();
  store = new ContentStore(`${platform.config.dataDir}/assets`, platform.db);
  await store.discardDrafts();
  maker = new VariantMaker(store, platform.db);
});
afterEach(async () => {
  await maker.stop();
  await platform.end();
});

const page = Buffer.from("<p>page</p>".repeat(200));
const file = (hash: string, form?: Form) => contentPath(store.root, platform.account.id, hash, form);
const unmade = () => platform.db.selectFrom("asset_contents").select("hash").where("variants_made", "=", 0).execute();

async function add(hash: string, contentType: string | undefined, content = page): Promise<string> {
  await store.prepare(platform.account.id);
  const draft = store.draft(hash, content.length);
  await draft.write(content);
  await draft.finish();
  await store.keep(platform.account.id, [{ draft, contentType }]);
  return hash;
}

it("makes every encoded form of what compresses, and nothing else", async () => {
  const html = await add("a".repeat(32), "text/html; charset=utf-8");
  const image = await add("b".repeat(32), "image/png");
  const untyped = await add("c".repeat(32), undefined);
  maker.kick();
  await maker.idle();
  expect(brotliDecompressSync(readFileSync(file(html, "br")))).toEqual(page);
  expect(zstdDecompressSync(readFileSync(file(html, "zstd")))).toEqual(page);
  expect(gunzipSync(readFileSync(file(html, "gzip")))).toEqual(page);
  expect([file(image, "br"), file(untyped, "gzip")].map((path) => existsSync(path))).toEqual([false, false]);
  expect(await unmade()).toEqual([]);
});

it("goes on where another process stopped, past a file that is gone", async () => {
  const lost = await add("d".repeat(32), "text/css");
  rmSync(file(lost));
  const css = await add("e".repeat(32), "text/css");
  await maker.stop();
  maker.kick();
  await maker.idle();
  expect(await unmade()).toHaveLength(2);
  const next = new VariantMaker(store, platform.db);
  next.kick();
  await next.idle();
  expect(existsSync(file(css, "br"))).toBe(true);
  expect(await unmade()).toEqual([]);
});

it("takes what comes while it works", async () => {
  await add("f".repeat(32), "text/css");
  maker.kick();
  const late = await add("0".repeat(32), "text/css");
  maker.kick();
  await maker.idle();
  expect(existsSync(file(late, "br"))).toBe(true);
});
