import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { apiUrl, type Config } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import { type TestPlatform, testPlatform } from "../store/testing.ts";
import { bootstrap } from "./bootstrap.ts";
import { Tokens } from "./tokens.ts";

let platform: TestPlatform;
let files: ReturnType<typeof paths>;
beforeEach(async () => {
  platform = await testPlatform();
  await platform.db.deleteFrom("accounts").execute();
  files = paths(platform.config);
});
afterEach(() => platform.end());

const start = (changes: Partial<Config> = {}) =>
  bootstrap({ ...platform.config, ...changes }, platform.db, new Tokens(platform.db));
const environment = () => parseEnv(readFileSync(files.wranglerEnv, "utf8")) as Record<string, string>;

it("makes an account, a key and the clients' environment", async () => {
  const { account, masterKey } = await start();
  expect(account).toMatchObject({ id: expect.stringMatching(/^[0-9a-f]{32}$/), name: "Freehold", subdomain: "dev" });
  expect(masterKey).toHaveLength(32);
  const text = readFileSync(files.wranglerEnv, "utf8");
  expect(text.split("\n")).toEqual([
    "CLOUDFLARE_API_BASE_URL=http://localhost:8787/client/v4",
    expect.stringMatching(/^CLOUDFLARE_API_TOKEN=fh_[0-9A-Za-z]{43}$/),
    `CLOUDFLARE_ACCOUNT_ID=${account.id}`,
    "",
  ]);
  expect(statSync(files.wranglerEnv).mode & 0o777).toBe(0o600);
  expect(statSync(files.masterKey).mode & 0o777).toBe(0o600);
  const token = await new Tokens(platform.db).find(environment().CLOUDFLARE_API_TOKEN ?? "");
  expect(token).toMatchObject({ accountId: account.id, scope: "admin", name: "admin" });
});

it("changes nothing the second time", async () => {
  const first = await start();
  const text = readFileSync(files.wranglerEnv, "utf8");
  const second = await start();
  expect(second.account).toEqual(first.account);
  expect(second.masterKey).toEqual(first.masterKey);
  expect(readFileSync(files.wranglerEnv, "utf8")).toBe(text);
  expect(await platform.db.selectFrom("tokens").select("id").execute()).toHaveLength(1);
});

it("keeps the token and tells of a new port", async () => {
  await start();
  const before = environment();
  await start({ port: 9000 });
  expect(environment()).toEqual({ ...before, CLOUDFLARE_API_BASE_URL: "http://localhost:9000/client/v4" });
});

it.each([
  ["is missing", async () => rmSync(files.wranglerEnv)],
  ["was emptied", async () => writeFileSync(files.wranglerEnv, "")],
  ["has a token that was made up", async () => writeFileSync(files.wranglerEnv, "CLOUDFLARE_API_TOKEN=fh_x\n")],
  [
    "has a token that was revoked",
    async () => void (await platform.db.updateTable("tokens").set({ revoked_on: "now" }).execute()),
  ],
  [
    "has a token of too small a scope",
    async () => void (await platform.db.updateTable("tokens").set({ scope: "read" }).execute()),
  ],
])("makes a new token when the file %s", async (_, change) => {
  await start();
  const before = environment().CLOUDFLARE_API_TOKEN;
  await change();
  await start();
  const after = environment().CLOUDFLARE_API_TOKEN ?? "";
  expect(after).not.toBe(before);
  expect(await new Tokens(platform.db).find(after)).toMatchObject({ scope: "admin" });
});

it("does not replace a lost master key: what it sealed would be lost for good", async () => {
  await start();
  rmSync(files.masterKey);
  await expect(start()).rejects.toThrow(/master\.key/);
});

it.each([
  ["127.0.0.1", "http://localhost:8787/client/v4"],
  ["::1", "http://localhost:8787/client/v4"],
  ["localhost", "http://localhost:8787/client/v4"],
  ["0.0.0.0", "http://apps.example:8787/client/v4"],
  ["10.0.0.5", "http://apps.example:8787/client/v4"],
])("reaches a platform bound to %s at %s", (host, url) => {
  expect(apiUrl({ host, port: 8787, domain: "apps.example" })).toBe(url);
});
