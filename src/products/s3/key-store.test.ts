import { readFileSync, statSync } from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { paths } from "../../domain/paths.ts";
import { readPage } from "../../lib/paging.ts";
import { SealedRowFile } from "../../store/sealed-row-file.ts";
import { type TestPlatform, testPlatform } from "../../store/testing.ts";
import { createKey, listKeys, publishedKeys, revokeKey } from "./key-store.ts";
import { AccessKeys, mayDo, type PublishedKey } from "./keys.ts";

let platform: TestPlatform;
beforeEach(async () => {
  platform = await testPlatform();
});
afterEach(() => platform.end());

const page = readPage(new URLSearchParams());

test("a key is good once it is published, and no more once it is revoked", async () => {
  const { id: account } = platform.account;
  const { accessKeys: path } = paths(platform.config);
  const file = new SealedRowFile(platform.db, path, platform.unseal, publishedKeys);
  const keys = new AccessKeys();
  const load = async () => {
    await file.write();
    keys.load(JSON.parse(readFileSync(path, "utf8")), (sealed) => platform.unseal(sealed));
  };
  const { key, secret } = await createKey(platform, account, {
    name: "sync",
    permission: "object-read-write",
    buckets: ["photos", "photos"],
  });
  expect(key).toMatchObject({ name: "sync", permission: "object-read-write", buckets: ["photos"] });
  expect(secret).toMatch(/^[0-9a-f]{64}$/);
  expect(platform.runtime.published).toBe(1);
  await load();
  expect(keys.find(key.id)).toMatchObject({ accountId: account, secret });
  expect(readFileSync(path, "utf8")).not.toContain(secret);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await listKeys(platform, account, page)).toEqual({ keys: [key], total: 1 });

  await expect(revokeKey(platform, "b".repeat(32), key.id)).rejects.toThrow("no access key");
  await revokeKey(platform, account, key.id);
  await load();
  expect(keys.find(key.id)).toBeUndefined();
  expect((await listKeys(platform, account, page)).total).toBe(0);
});

test("a key that does not open is left out, and keeps none of the others", async () => {
  const { accessKeys: path } = paths(platform.config);
  const opens = ({ sealed }: { sealed: string }) => {
    if (sealed === "broken") throw new Error("it does not open");
    return platform.unseal({ sealed });
  };
  const make = (name: string) => createKey(platform, platform.account.id, { name, permission: "admin-read-write" });
  const [{ key: good }, { key: bad }] = [await make("good"), await make("bad")];
  await platform.db.updateTable("s3_keys").set({ secret_sealed: "broken" }).where("id", "=", bad.id).execute();
  const skipped: string[] = [];
  await new SealedRowFile(platform.db, path, opens, publishedKeys).write((what) => skipped.push(what));
  expect(skipped).toEqual([`access key ${bad.id} of ${platform.account.id}`]);
  const published = JSON.parse(readFileSync(path, "utf8")) as PublishedKey[];
  expect(published.map(({ id }) => id)).toEqual([good.id]);
  // Services may have another master key than control had.
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  const keys = new AccessKeys();
  keys.load([{ ...(published[0] as PublishedKey), id: "other", sealed: "broken" }, ...published], opens);
  expect([keys.find("other"), keys.find(good.id)?.id]).toEqual([undefined, good.id]);
  expect(logged).toHaveBeenCalledOnce();
  logged.mockRestore();
});

test("a permission allows what its name says, in the buckets that the key names", async () => {
  const key = (permission: Parameters<typeof mayDo>[0]["permission"], buckets?: string[]) => ({
    id: "k",
    accountId: "a",
    secret: "",
    permission,
    buckets: buckets && new Set(buckets),
  });
  const needs = ["list-buckets", "read-settings", "write-settings", "read-objects", "write-objects"] as const;
  const allowed = (one: Parameters<typeof mayDo>[0], bucket?: string) =>
    needs.map((need) => (mayDo(one, need, bucket) ? "y" : "n")).join("");
  expect(allowed(key("admin-read-write"))).toBe("yyyyy");
  expect(allowed(key("admin-read-only"))).toBe("yynyn");
  expect(allowed(key("object-read-write"))).toBe("nnnyy");
  expect(allowed(key("object-read-only"))).toBe("nnnyn");
  expect(allowed(key("object-read-write", ["photos"]), "photos")).toBe("nnnyy");
  expect(allowed(key("object-read-write", ["photos"]), "other")).toBe("nnnnn");
});
