import { existsSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { paths } from "../../domain/paths.ts";
import { type TestPlatform, testPlatform } from "../../store/testing.ts";
import { MAX_NAMESPACES } from "./limits.ts";
import {
  createNamespace,
  deleteNamespace,
  knownKvNamespaces,
  listNamespaces,
  renameNamespace,
  requireNamespace,
} from "./registry.ts";

const OTHER = "b".repeat(32);

let platform: TestPlatform;
beforeEach(async () => {
  platform = await testPlatform();
  const created_on = new Date().toISOString();
  await platform.db
    .insertInto("accounts")
    .values({ id: OTHER, name: "Other", subdomain: "other", created_on })
    .execute();
});
afterEach(() => platform.end());

const code = (code: number) => expect.objectContaining({ failures: [expect.objectContaining({ code })] });

test("a namespace has a directory as long as it exists", async () => {
  const { id: account } = platform.account;
  const row = await createNamespace(platform, account, "things");
  const directory = paths(platform.config).kvOf(account, row.id);
  expect(existsSync(directory)).toBe(true);
  let closed = false;
  await deleteNamespace(platform, row, async () => {
    // Nobody can open it again by the time its holder lets go of it.
    closed = !existsSync(directory);
  });
  expect(closed).toBe(true);
  await expect(requireNamespace(platform, account, row.id)).rejects.toEqual(code(10013));
});

test("titles are unique in an account, and of no concern to another", async () => {
  const { id: account } = platform.account;
  const row = await createNamespace(platform, account, "things");
  await createNamespace(platform, OTHER, "things");
  await expect(createNamespace(platform, account, "things")).rejects.toEqual(code(10014));
  const second = await createNamespace(platform, account, "more");
  await expect(renameNamespace(platform, second, "things")).rejects.toEqual(code(10014));
  expect((await renameNamespace(platform, row, "things")).title).toBe("things");
  await expect(renameNamespace(platform, row, "")).rejects.toEqual(code(10012));
});

test("of two who take a title at once one gets it, and nothing of the other is left", async () => {
  const { id: account } = platform.account;
  const outcomes = await Promise.allSettled([1, 2].map(() => createNamespace(platform, account, "same")));
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});

test("another account's namespace cannot be read or bound", async () => {
  const { id: account } = platform.account;
  const row = await createNamespace(platform, OTHER, "theirs");
  await expect(requireNamespace(platform, account, row.id)).rejects.toEqual(code(10013));
  const raws = [{ type: "kv_namespace", name: "A", namespace_id: row.id }];
  expect(await knownKvNamespaces(platform.db, account, raws)).toEqual(new Set());
  expect(await knownKvNamespaces(platform.db, OTHER, raws)).toEqual(new Set([row.id]));
});

test("a page past the end is empty", async () => {
  const { id: account } = platform.account;
  await createNamespace(platform, account, "b");
  await createNamespace(platform, account, "a");
  const order = { by: "title", direction: "asc" } as const;
  const first = await listNamespaces(platform, account, { number: 1, size: 1000, offset: 0 }, order);
  expect([first.rows.map(({ title }) => title), first.total]).toEqual([["a", "b"], 2]);
  const second = await listNamespaces(platform, account, { number: 2, size: 1000, offset: 1000 }, order);
  expect(second.rows).toEqual([]);
});

test("an account has so many namespaces and no more", async () => {
  const { id: account_id } = platform.account;
  const created_on = new Date().toISOString();
  const rows = Array.from({ length: MAX_NAMESPACES }, (_, index) => ({
    id: index.toString(16).padStart(32, "0"),
    account_id,
    title: `t${index}`,
    created_on,
  }));
  for (let at = 0; at < rows.length; at += 100) {
    await platform.db
      .insertInto("kv_namespaces")
      .values(rows.slice(at, at + 100))
      .execute();
  }
  await expect(createNamespace(platform, account_id, "one more")).rejects.toEqual(code(10011));
});
