import { afterEach, beforeEach, expect, test } from "vitest";
import { type TestApi, testApi, uploadForm } from "./testing.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
});
afterEach(() => api.end());

const put = (name: string, text = "x", script = "w") =>
  api.call("PUT", `/scripts/${script}/secrets`, { name, text, type: "secret_text" });
const names = async () =>
  (await api.call("GET", "/scripts/w/secrets")).result.map(({ name }: { name: string }) => name);
const newest = async () => (await api.call("GET", "/scripts/w/versions")).result.items[0];
const activeIds = async () => {
  const { deployments } = (await api.call("GET", "/scripts/w/deployments")).result;
  return deployments[0].versions.map(({ version_id }: { version_id: string }) => version_id);
};

test("a secret for a Worker that is not there yet: the client makes a draft, then repeats", async () => {
  expect(await put("S")).toMatchObject({ status: 404, code: 10007 });
  const draft = uploadForm(
    { main_module: "w", bindings: [], compatibility_date: undefined, logpush: false },
    { w: ["export default { fetch() {} }", "application/javascript+module"] },
  );
  expect((await api.call("PUT", "/scripts/w", draft)).result.compatibility_date).toBe("2021-11-02");
  expect((await put("S")).result).toEqual({ name: "S", type: "secret_text" });
  expect((await api.call("GET", "/services/w")).result.default_environment.script.last_deployed_from).toBe("wrangler");
});

test("each change makes a version with the same code and deploys it; values are never shown", async () => {
  await api.deploy("w", { bindings: [{ type: "plain_text", name: "V", text: "1" }] });
  const first = await newest();
  await put("S", "hush");
  const second = await newest();
  expect(second.annotations).toEqual({ "workers/triggered_by": "secret" });
  expect(second.resources.script.etag).toBe(first.resources.script.etag);
  expect(second.resources.bindings).toEqual([
    { type: "plain_text", name: "V", text: "1" },
    { type: "secret_text", name: "S" },
  ]);
  expect(await activeIds()).toEqual([second.id]);
  for (const path of ["versions", "secrets", "settings", "deployments"]) {
    const { result } = await api.call("GET", `/scripts/w/${path}`);
    expect(JSON.stringify(result)).not.toContain(api.platform.seal("hush").sealed);
    expect(JSON.stringify(result)).not.toContain("hush");
  }
  expect((await api.call("GET", "/scripts/w/secrets/S")).result).toEqual({ name: "S", type: "secret_text" });
  expect(await api.call("GET", "/scripts/w/secrets/T")).toMatchObject({ status: 404, code: 10056 });
  expect(api.platform.audited.map(({ action }) => action)).toEqual(["script.deploy", "secret.put"]);
  expect(JSON.stringify(api.platform.audited)).not.toContain("hush");
});

test("bulk sets and removes in one version; what is not there needs no removing", async () => {
  await api.deploy("w");
  await put("A");
  const value = (name: string) => ({ name, text: "x", type: "secret_text" });
  const patch = { A: null, B: value("B"), C: value("C"), GONE: null };
  const { result } = await api.call("PATCH", "/scripts/w/secrets-bulk", { secrets: patch });
  expect(result).toEqual([
    { name: "B", type: "secret_text" },
    { name: "C", type: "secret_text" },
  ]);
  expect((await newest()).number).toBe(3);
  await api.call("PATCH", "/scripts/w/secrets-bulk", { secrets: { GONE: null } });
  expect((await newest()).number).toBe(3);
});

test("names that every object has are names like any other", async () => {
  await api.deploy("w");
  await put("constructor");
  await put("toString");
  await put("OTHER");
  expect(await names()).toEqual(["constructor", "toString", "OTHER"]);
  expect((await api.call("DELETE", "/scripts/w/secrets/constructor")).status).toBe(200);
  expect(await names()).toEqual(["toString", "OTHER"]);
});

test("delete decodes the name once and needs a secret of that name", async () => {
  await api.deploy("w", { bindings: [{ type: "plain_text", name: "V", text: "1" }] });
  await put("A$B");
  expect((await api.call("DELETE", "/scripts/w/secrets/A%24B?url_encoded=true")).status).toBe(200);
  expect(await names()).toEqual([]);
  expect((await api.call("DELETE", "/scripts/w/secrets/A%24B")).code).toBe(10056);
  expect((await api.call("DELETE", "/scripts/w/secrets/V")).code).toBe(10056);
});

test("a secret cannot take the name of another binding, nor be too large", async () => {
  await api.deploy("w", { bindings: [{ type: "plain_text", name: "V", text: "1" }] });
  expect((await put("V")).code).toBe(10053);
  expect((await put("S", "x".repeat(6000))).code).toBe(10054);
  expect((await newest()).number).toBe(1);
});

test("refused while the newest version is not deployed, and under a split", async () => {
  await api.deploy("w");
  const first = (await activeIds())[0];
  const second = await api.upload("w");
  expect((await put("S")).code).toBe(10215);
  const versions = [
    { version_id: first, percentage: 50 },
    { version_id: second, percentage: 50 },
  ];
  await api.call("POST", "/scripts/w/deployments", { strategy: "percentage", versions });
  expect((await put("S")).errors[0]).toMatchObject({ code: 10215, message: expect.stringContaining("split") });
  expect((await api.call("PATCH", "/scripts/w/secrets-bulk", { secrets: {} })).code).toBe(10215);
});

test("`versions secret` patches the newest version and does not deploy", async () => {
  const patch = (env: Record<string, unknown>) =>
    api.call("PATCH", "/workers/w/versions/latest", {
      env,
      annotations: { "workers/message": "m", "workers/tag": "t" },
    });
  expect((await patch({ S: { type: "secret_text", text: "1" } })).code).toBe(10007);
  const first = await api.deploy("w");
  const { result } = await patch({ S: { type: "secret_text", text: "1" } });
  expect(result).toMatchObject({
    number: 2,
    annotations: { "workers/message": "m", "workers/tag": "t", "workers/triggered_by": "secret" },
  });
  expect(await names()).toEqual(["S"]);
  expect((await patch({ S: null, T: { type: "secret_text", text: "2" } })).result.number).toBe(3);
  expect(await names()).toEqual(["T"]);
  expect(await activeIds()).toEqual([first]);
  expect(api.platform.runtime.records.get((await newest()).id)?.tag).toBe("t");
  await expect(api.call("PATCH", "/workers/w/versions/latest", { main_module: "x" })).rejects.toThrow();
});

test("a Worker without versions answers 10222", async () => {
  await api.deploy("w");
  await api.platform.db.deleteFrom("deployments").execute();
  await api.platform.db.deleteFrom("versions").execute();
  expect((await api.call("PATCH", "/workers/w/versions/latest", { env: {} })).code).toBe(10222);
});
