import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestApi, testApi, uploadForm } from "./testing.ts";

let api: TestApi;
let version: string;

beforeAll(async () => {
  api = await testApi();
  await api.deploy("hello");
  version = await api.deploy("site");
  const row = { kind: "pages" as const, name: "pages-worker--site" };
  await api.platform.db.updateTable("scripts").set(row).where("name", "=", "site").execute();
});
afterAll(() => api.end());

test("the list of Workers has Workers only", async () => {
  const { result } = await api.call("GET", "/scripts");
  expect(result.map(({ id }: { id: string }) => id)).toEqual(["hello"]);
});

test.each([
  ["PUT", ""],
  ["POST", "/versions"],
])("code of a Pages project's script comes from the project: %s", async (method, path) => {
  expect((await api.call(method, `/scripts/pages-worker--site${path}`, uploadForm())).code).toBe(10016);
});

test("so do its settings, and it ends with the project", async () => {
  const secret = { name: "A", text: "b", type: "secret_text" };
  expect((await api.call("PUT", "/scripts/pages-worker--site/secrets", secret)).code).toBe(10016);
  expect((await api.call("DELETE", "/scripts/pages-worker--site?force=true")).code).toBe(10016);
  expect((await api.call("POST", "/scripts/pages-worker--site/subdomain", { enabled: true })).code).toBe(10016);
});

test("its deployments are made as a Worker's", async () => {
  const body = { strategy: "percentage", versions: [{ version_id: version, percentage: 100 }] };
  expect((await api.call("POST", "/scripts/pages-worker--site/deployments", body)).status).toBe(200);
});
