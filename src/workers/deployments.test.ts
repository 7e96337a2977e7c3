import { afterEach, beforeEach, expect, test } from "vitest";
import { type TestApi, testApi, uploadForm } from "./testing.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
});
afterEach(() => api.end());

const deploy = (versions: [id: string, percentage: number][], query = "", more = {}) =>
  api.call("POST", `/scripts/w/deployments${query}`, {
    strategy: "percentage",
    versions: versions.map(([version_id, percentage]) => ({ version_id, percentage })),
    ...more,
  });

const active = async () => (await api.call("GET", "/scripts/w/deployments")).result.deployments[0];

test("a deploy makes script, version and deployment, prepares the runner and publishes", async () => {
  const id = await api.deploy("w", { annotations: { "workers/message": "first" } });
  const { runtime } = api.platform;
  expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect([...runtime.records.keys()]).toEqual([id]);
  expect(runtime.prepared).toEqual([id]);
  expect(runtime.published).toBe(1);
  expect(await active()).toMatchObject({
    source: "wrangler",
    strategy: "percentage",
    author_email: "test@localhost",
    annotations: { "workers/message": "first", "workers/triggered_by": "upload" },
    versions: [{ version_id: id, percentage: 100 }],
  });
  expect(api.platform.audited).toMatchObject([{ action: "script.deploy", target: "w", detail: { version_id: id } }]);
});

test("the next deploy retires the version before it, after publishing", async () => {
  const first = await api.deploy("w");
  const { runtime } = api.platform;
  let retiredAtPublish: string[] | undefined;
  runtime.publish = async () => {
    retiredAtPublish = [...runtime.retired];
  };
  const second = await api.deploy("w");
  expect(retiredAtPublish).toEqual([]);
  expect(runtime.retired).toEqual([first]);
  expect((await active()).versions).toEqual([{ version_id: second, percentage: 100 }]);
});

test("a version that is only uploaded takes no requests until it is deployed", async () => {
  const first = await api.deploy("w");
  const second = await api.upload("w", { annotations: { "workers/tag": "t" } });
  const { runtime } = api.platform;
  expect(runtime.prepared).toEqual([first]);
  expect(runtime.published).toBe(2);
  expect((await active()).versions).toEqual([{ version_id: first, percentage: 100 }]);

  const answer = await deploy(
    [
      [first, 70.5],
      [second, 29.5],
    ],
    "",
    { annotations: { "workers/message": "split" } },
  );
  expect(answer.result).toMatchObject({
    annotations: { "workers/message": "split", "workers/triggered_by": "promotion" },
    versions: [
      { version_id: first, percentage: 70.5 },
      { version_id: second, percentage: 29.5 },
    ],
  });
  expect(runtime.prepared).toEqual([first, second]);
  expect(runtime.retired).toEqual([]);
  await deploy([[second, 100]]);
  expect(runtime.retired).toEqual([first]);
  const { result } = await api.call("GET", `/scripts/w/deployments/${answer.result.id}`);
  expect(result.id).toBe(answer.result.id);
});

test("going back is a rollback", async () => {
  const first = await api.deploy("w");
  await api.deploy("w");
  const answer = await deploy([[first, 100]], "", { annotations: { "workers/message": "oops" } });
  expect(answer.result.annotations).toEqual({ "workers/message": "oops", "workers/triggered_by": "rollback" });
});

test("refuses shares that do not add up, strange versions, and more than two", async () => {
  const first = await api.deploy("w");
  const second = await api.upload("w");
  const other = await api.deploy("other");
  const refusal = async (versions: [string, number][]) => (await deploy(versions)).errors[0];
  expect(await refusal([[first, 90]])).toMatchObject({ code: 10021, message: expect.stringContaining("sum to 90") });
  expect(
    await refusal([
      [first, 50],
      [first, 50],
    ]),
  ).toMatchObject({ code: 10021 });
  expect(await refusal([[other, 100]])).toMatchObject({ code: 100146 });
  expect(await refusal([["not-an-id", 100]])).toMatchObject({ code: 100146 });
  const third = await api.upload("w");
  const three: [string, number][] = [
    [first, 50],
    [second, 30],
    [third, 20],
  ];
  expect(await refusal(three)).toMatchObject({ code: 10021, message: expect.stringContaining("at most 2") });
  api.platform.config.deployments.maxVersions = 3;
  expect((await deploy(three)).result.versions).toHaveLength(3);
  await expect(deploy([])).rejects.toThrow();
  expect(
    (
      await deploy([
        [first, 33.33],
        [second, 66.67],
      ])
    ).status,
  ).toBe(200);
  expect(
    (
      await deploy([
        [first, 0],
        [second, 100],
      ])
    ).status,
  ).toBe(200);
});

test("only the newest 100 versions can be deployed, but an active one may stay", async () => {
  const [first, second] = [await api.deploy("w"), await api.upload("w")];
  for (let n = 0; n < 99; n++) await api.upload("w");

  const list = await api.call("GET", "/scripts/w/versions?deployable=true");
  expect(list.result.items).toHaveLength(100);
  expect(list.result.items.at(-1).id).toBe(second);
  expect(list.resultInfo).toMatchObject({ total_count: 100, page: 1 });
  const all = await api.call("GET", "/scripts/w/versions?per_page=10&page=11");
  expect(all.result.items.map((version: { id: string }) => version.id)).toEqual([first]);
  expect(all.resultInfo).toMatchObject({ total_count: 101, total_pages: 11 });

  const newest = list.result.items[0].id;
  expect(
    (
      await deploy([
        [first, 50],
        [newest, 50],
      ])
    ).status,
  ).toBe(200);
  expect((await deploy([[newest, 100]])).status).toBe(200);
  expect((await deploy([[first, 100]])).errors[0]).toMatchObject({
    code: 10021,
    message: expect.stringContaining("too old"),
  });
  expect((await deploy([[second, 100]])).status).toBe(200);
});

test("going back to a version that binds what was deleted meanwhile is refused, also with force", async () => {
  const { db, account } = api.platform;
  const namespace = "0123456789abcdef0123456789abcdef";
  const row = { id: namespace, account_id: account.id, title: "data", created_on: new Date().toISOString() };
  await db.insertInto("kv_namespaces").values(row).execute();
  const bound = await api.deploy("w", { bindings: [{ type: "kv_namespace", name: "KV", namespace_id: namespace }] });
  const free = await api.deploy("w");
  expect((await deploy([[bound, 100]])).status).toBe(200);
  expect((await deploy([[free, 100]])).status).toBe(200);
  await db.deleteFrom("kv_namespaces").where("id", "=", namespace).execute();
  for (const query of ["", "?force=true"]) {
    const refused = await deploy([[bound, 100]], query);
    expect(refused.errors[0]).toMatchObject({ code: 10041, message: expect.stringContaining(bound) });
  }
  expect((await active()).versions).toEqual([{ version_id: free, percentage: 100 }]);
});

test("going back to other secrets needs force", async () => {
  const first = await api.deploy("w", { bindings: [{ type: "secret_text", name: "OLD", text: "1" }] });
  await api.call("PUT", "/scripts/w/secrets", { name: "NEW", text: "2", type: "secret_text" });
  await api.call("PUT", "/scripts/w/secrets", { name: "OLD", text: "3", type: "secret_text" });
  const third = (await active()).versions[0].version_id;
  const refused = await deploy([[first, 100]]);
  expect(refused.code).toBe(10220);
  // The client cuts the names from the end of the message.
  expect(refused.errors[0]?.message).toMatch(/The following secrets have changed: NEW, OLD$/);
  expect((await active()).versions[0].version_id).toBe(third);
  expect((await deploy([[first, 100]], "?force=true")).status).toBe(200);
  // Forward is no rollback.
  expect((await deploy([[third, 100]])).status).toBe(200);
});

test("a secret set again to the same value is no change", async () => {
  const first = await api.deploy("w", { bindings: [{ type: "secret_text", name: "S", text: "1" }] });
  let seals = 0;
  const { seal, unseal } = api.platform;
  api.platform.seal = (text) => ({ sealed: `${seals++}:${seal(text).sealed}` });
  api.platform.unseal = ({ sealed }) => unseal({ sealed: sealed.replace(/^\d+:/, "") });
  await api.call("PUT", "/scripts/w/secrets", { name: "S", text: "1", type: "secret_text" });
  expect((await deploy([[first, 100]])).status).toBe(200);
});

test("a version of a Worker that does not exist is refused, and so is a service worker", async () => {
  const missing = await api.call("POST", "/scripts/none/versions", uploadForm());
  expect(missing).toMatchObject({ status: 404, code: 10007 });
  await api.deploy("w");
  const form = uploadForm(
    { main_module: undefined, body_part: "s.js" },
    { "s.js": ["addEventListener('fetch', () => {})", "application/javascript"] },
  );
  expect((await api.call("POST", "/scripts/w/versions", form)).errors[0]?.message).toContain("ES modules");
});

test("aliases point at the version uploaded last under them", async () => {
  await api.deploy("w");
  const aliases = () =>
    api.platform.db.selectFrom("aliases").select(["alias", "version_id"]).orderBy("alias").execute();
  const alias = (name: string) => api.upload("w", { annotations: { "workers/alias": name } });
  await alias("feature-a");
  const b = await alias("b");
  const a = await alias("feature-a");
  expect(await aliases()).toEqual([
    { alias: "b", version_id: b },
    { alias: "feature-a", version_id: a },
  ]);
});

test("beyond 1,000 aliases the oldest is forgotten", async () => {
  const version = await api.deploy("w");
  const { id } = await api.platform.db.selectFrom("scripts").select("id").executeTakeFirstOrThrow();
  const rows = Array.from({ length: 1000 }, (_, n) => ({
    script_id: id,
    alias: `a${n}`,
    version_id: version,
    created_on: new Date(1_700_000_000_000 + n).toISOString(),
  }));
  await api.platform.db.insertInto("aliases").values(rows).execute();
  await api.upload("w", { annotations: { "workers/alias": "newest" } });
  const left = (await api.platform.db.selectFrom("aliases").select("alias").execute()).map(({ alias }) => alias);
  expect(left).toHaveLength(1000);
  expect(left).toContain("newest");
  expect(left).not.toContain("a0");
  expect(left).toContain("a1");
});
