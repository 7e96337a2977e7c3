/** Stores and secrets over the API: shapes, refusals, and what is published for the services role. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { paths } from "../domain/paths.ts";
import { MAX_SECRETS, MAX_VALUE_BYTES } from "../products/secrets-store/limits.ts";
import { secretPath } from "../products/secrets-store/published.ts";
import { restorePublishedSecrets } from "../products/secrets-store/registry.ts";
import { allRoutes } from "./routes.ts";
import { type Answer, type TestControl, testControl } from "./testing.ts";

let control: TestControl;
let base: string;
let store: string;
let secrets: string;

beforeEach(async () => {
  control = await testControl(allRoutes);
  base = `/accounts/${control.accountId}/secrets_store`;
  store = result(await post(`${base}/stores`, { name: "default_secrets_store" })).id;
  secrets = `${base}/stores/${store}/secrets`;
});
afterEach(() => control.end());

// biome-ignore lint/suspicious/noExplicitAny: results are looked into by the fields that clients read.
const result = (answer: Answer): any => answer.json.result;
const post = (path: string, body?: unknown) => control.call("POST", path, { body });
const secret = (name: string, parts = {}) => ({ name, value: `value of ${name}`, scopes: ["workers"], ...parts });
const create = async (name: string) => result(await post(secrets, [secret(name)]))[0];
const refusal = ({ status, json }: Answer) => [status, json.errors[0]?.code, json.errors[0]?.message.split(":")[0]];

/** What the services role finds of a secret. */
function published(name: string) {
  const root = paths(control.platform.config).secrets;
  const path = secretPath(root, { accountId: control.accountId, storeId: store, secretName: name });
  if (!existsSync(path)) return undefined;
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const { value, ...rest } = JSON.parse(readFileSync(path, "utf8"));
  return { ...rest, value: control.platform.unseal(value) };
}

test("a store is made once, listed, read and deleted", async () => {
  expect(refusal(await post(`${base}/stores`, { name: "another" }))).toEqual([400, 1003, "maximum_stores_exceeded"]);
  const shown = {
    id: expect.stringMatching(/^[0-9a-f]{32}$/),
    account_id: control.accountId,
    name: "default_secrets_store",
    created: expect.any(String),
    modified: expect.any(String),
  };
  const list = await control.call("GET", `${base}/stores?per_page=10&page=1`);
  expect(result(list)).toEqual([shown]);
  expect(list.json.result_info).toMatchObject({ count: 1, total_count: 1 });
  expect(result(await control.call("GET", `${base}/stores/${store}`))).toEqual(shown);
  expect((await control.call("DELETE", `${base}/stores/${store}`)).json).toMatchObject({ success: true, result: null });
  expect(refusal(await control.call("GET", `${base}/stores/${store}`))).toEqual([404, 1001, "store_not_found"]);
  // Earlier clients send and read a list.
  expect(result(await post(`${base}/stores`, [{ name: "s" }]))).toEqual([{ ...shown, name: "s" }]);
});

test("a secret is made, changed, duplicated and deleted; its value is never shown", async () => {
  const [made] = result(await post(secrets, [secret("KEY", { comment: "of the bank" })]));
  expect(made).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{32}$/),
    account_id: control.accountId,
    store_id: store,
    name: "KEY",
    comment: "of the bank",
    scopes: ["workers"],
    status: "active",
    created: expect.any(String),
    modified: expect.any(String),
  });
  expect(published("KEY")).toEqual({ name: "KEY", scopes: ["workers"], value: "value of KEY" });
  const path = `${secrets}/${made.id}`;
  const changed = result(await control.call("PATCH", path, { body: { value: "new", scopes: ["workers", "dex"] } }));
  expect(changed).toMatchObject({ id: made.id, comment: "of the bank", scopes: ["workers", "dex"] });
  expect(published("KEY")).toEqual({ name: "KEY", scopes: ["workers", "dex"], value: "new" });
  const copy = result(await post(`${path}/duplicate`, { name: "key", scopes: ["workers"], comment: "" }));
  expect(copy).toMatchObject({ name: "key", store_id: store });
  expect(published("key")?.value).toBe("new");
  expect(result(await control.call("GET", `${base}/quota`))).toEqual({ secrets: { quota: MAX_SECRETS, usage: 2 } });
  expect((await control.call("DELETE", path)).json).toMatchObject({ success: true, result: null });
  expect(published("KEY")).toBeUndefined();
  expect(published("key")).toBeDefined();
  expect(refusal(await control.call("GET", path))).toEqual([404, 1001, "secret_not_found"]);
  const audit = JSON.stringify(result(await control.call("GET", `/accounts/${control.accountId}/audit_logs`)));
  expect(audit).not.toContain("value of KEY");
});

test("lists are searched, ordered and paged", async () => {
  for (const name of ["B_ONE", "A_TWO", "C"]) await create(name);
  const names = async (query: string) => {
    const rows = result(await control.call("GET", `${secrets}${query}`)) as { name: string }[];
    return rows.map((row) => row.name);
  };
  expect(await names("?order=name")).toEqual(["A_TWO", "B_ONE", "C"]);
  expect(await names("?order=name&direction=desc&per_page=2")).toEqual(["C", "B_ONE"]);
  expect(await names("?order=name&per_page=2&page=2")).toEqual(["C"]);
  expect(await names("?search=two")).toEqual(["A_TWO"]);
  expect(await names("?scopes=dex")).toEqual([]);
});

test("several are made or none, and several deleted", async () => {
  expect(refusal(await post(secrets, [secret("A"), secret("A")]))).toEqual([400, 1003, "secret_name_already_exists"]);
  expect(refusal(await post(secrets, [secret("A"), secret("b c")]))).toEqual([400, 1001, "secret_name_invalid"]);
  expect(published("A")).toBeUndefined();
  const rows = result(await post(secrets, [secret("A"), secret("B")])) as { id: string }[];
  expect(refusal(await control.call("DELETE", `${base}/stores/${store}`))).toEqual([409, 1003, "store_not_empty"]);
  expect(refusal(await control.call("DELETE", secrets))).toEqual([400, 1001, "invalid_json_body"]);
  await control.call("DELETE", secrets, { body: rows.map(({ id }) => ({ id })) });
  expect([published("A"), published("B")]).toEqual([undefined, undefined]);
  await create("LAST");
  await control.call("DELETE", `${base}/stores/${store}?force=true`);
  expect(published("LAST")).toBeUndefined();
});

test.each([
  ["an empty name", { name: "" }, "secret_name_empty"],
  ["no scopes", { scopes: [] }, "secret_scopes_empty"],
  ["an unknown scope", { scopes: ["workers", "moon"] }, "secret_scope_invalid"],
  ["no value", { value: "" }, "secret_value_empty"],
  ["a value too large", { value: "é".repeat(MAX_VALUE_BYTES / 2 + 1) }, "secret_value_too_large"],
  ["a comment too long", { comment: "x".repeat(1025) }, "secret_comment_too_long"],
])("%s is refused", async (_name, parts, word) => {
  expect(refusal(await post(secrets, [secret("S", parts)]))).toEqual([400, 1001, word]);
});

test("an account has 100 secrets; only admins change them", async () => {
  await post(
    secrets,
    Array.from({ length: MAX_SECRETS }, (_, n) => secret(`S${n}`)),
  );
  expect(refusal(await post(secrets, [secret("MORE")]))).toEqual([400, 1003, "maximum_secrets_exceeded"]);
  const as = (scope: "edit" | "read") => control.call("POST", secrets, { body: [secret("X")], as: scope });
  expect([(await as("edit")).status, (await as("read")).status]).toEqual([403, 403]);
  expect((await control.call("GET", secrets, { as: "read" })).status).toBe(200);
});

test("files that do not agree with the database are mended at the start", async () => {
  await create("KEPT");
  await create("LOST");
  const directory = join(paths(control.platform.config).secrets, control.accountId, store);
  const root = paths(control.platform.config).secrets;
  rmSync(secretPath(root, { accountId: control.accountId, storeId: store, secretName: "LOST" }));
  writeFileSync(join(directory, "stray.json"), "{}");
  writeFileSync(secretPath(root, { accountId: control.accountId, storeId: store, secretName: "KEPT" }), "{}");
  await restorePublishedSecrets(control.platform);
  expect([published("KEPT")?.value, published("LOST")?.value]).toEqual(["value of KEPT", "value of LOST"]);
  expect(readdirSync(directory)).toHaveLength(2);
});
