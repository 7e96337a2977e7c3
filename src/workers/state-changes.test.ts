import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ExportedEntrypoint } from "../domain/version.ts";
import { type TestApi, testApi } from "./testing.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
});
afterEach(() => api.end());

const fetcher: ExportedEntrypoint = { name: "default", kind: "object", handlers: ["fetch"] };

/** What the code of the next uploads exports besides the default. */
function code(...classes: string[]): void {
  const entry = (name: string): ExportedEntrypoint =>
    name.endsWith("Flow") ? { name, kind: "workflow", handlers: [] } : { name, kind: "durable-object", handlers: [] };
  api.platform.runtime.validation = { ok: true, exports: [fetcher, ...classes.map(entry)], startupTimeMs: 1 };
}

const binding = (class_name: string, script_name?: string) => ({
  ...{ type: "durable_object_namespace", name: "OBJECTS", class_name },
  ...(script_name && { script_name }),
});
const created = (...new_sqlite_classes: string[]) => ({
  migrations: { new_tag: "v1", steps: [{ new_sqlite_classes }] },
});
const step = (old_tag: string, steps: object[]) => ({ migrations: { old_tag, new_tag: `${old_tag}+`, steps } });

const namespaces = async () =>
  (await api.call("GET", "/durable_objects/namespaces")).result.map(
    (one: { script: string; class: string }) => `${one.script}/${one.class}`,
  );
const idOf = async (script: string, className: string): Promise<string> =>
  (await api.call("GET", "/durable_objects/namespaces")).result.find(
    (one: { script: string; class: string }) => one.script === script && one.class === className,
  ).id;
/** Code of the refusal of a deploy (or of an upload), or undefined. */
const refusal = (run: Promise<string>) =>
  run.then(
    () => undefined,
    (error: Error) => Number(/"code":(\d+)/.exec(error.message)?.[1]),
  );
const record = (versionId: string) => api.platform.runtime.records.get(versionId);

describe("classes", () => {
  test("are made with the version that brings them, and bound by their namespace", async () => {
    code("Room");
    const version = await api.deploy("chat", { ...created("Room"), bindings: [binding("Room")] });
    const namespaceId = await idOf("chat", "Room");
    expect(record(version)).toMatchObject({
      objects: [{ className: "Room", namespaceId, storage: "sqlite" }],
      bindings: [{ namespaceId }],
    });
    expect((await api.call("GET", "/scripts/chat/settings")).result).toMatchObject({
      migration_tag: "v1",
      bindings: [{ ...binding("Room"), namespace_id: namespaceId }],
    });
    // As a home it starts when it is published; before, it would be a preview.
    expect(api.platform.runtime.prepared).toEqual([]);
  });

  test("that are refused leave nothing behind", async () => {
    code();
    expect(await refusal(api.deploy("chat", created("Room")))).toBe(10070);
    expect(await namespaces()).toEqual([]);
    expect((await api.call("GET", "/scripts")).result).toEqual([]);
  });

  test("stay with later versions, whatever changes", async () => {
    code("Room");
    await api.deploy("chat", { ...created("Room"), bindings: [binding("Room")] });
    const objects = [{ className: "Room", namespaceId: await idOf("chat", "Room"), storage: "sqlite" }];
    const second = await api.deploy("chat", { bindings: [binding("Room")] });
    await api.call("PUT", "/scripts/chat/secrets", { name: "S", text: "s", type: "secret_text" });
    const uploaded = await api.upload("chat");
    const versions = (await api.call("GET", "/scripts/chat/versions")).result.items as { id: string }[];
    expect(versions).toHaveLength(4);
    for (const id of [second, uploaded, ...versions.map((one) => one.id)])
      expect(record(id)).toMatchObject({ objects });
  });

  test("cannot leave the code while they have objects", async () => {
    code("Room");
    await api.deploy("chat", created("Room"));
    code();
    expect(await refusal(api.deploy("chat"))).toBe(10064);
    expect(await refusal(api.upload("chat"))).toBe(10064);
  });

  test("keep their namespace through a rename, and other Workers their binding", async () => {
    code("Room");
    await api.deploy("chat", created("Room"));
    const id = await idOf("chat", "Room");
    const guest = await api.deploy("guest", { bindings: [binding("Room", "chat")] });
    expect(record(guest)?.bindings).toMatchObject([{ namespaceId: id }]);
    code("Hall");
    await api.deploy("chat", step("v1", [{ renamed_classes: [{ from: "Room", to: "Hall" }] }]));
    expect(await idOf("chat", "Hall")).toBe(id);
    expect(await refusal(api.deploy("guest", { bindings: [binding("Room", "chat")] }))).toBe(10061);
    await api.deploy("guest", { bindings: [binding("Hall", "chat")] });
  });

  test("are deleted with their data once nobody binds them", async () => {
    code("Room");
    await api.deploy("chat", { ...created("Room"), bindings: [binding("Room")] });
    const id = await idOf("chat", "Room");
    await api.deploy("guest", { bindings: [binding("Room", "chat")] });
    const deleted = step("v1", [{ deleted_classes: ["Room"] }]);
    code();
    expect(await refusal(api.deploy("chat", deleted))).toBe(10061);
    await api.deploy("guest");
    expect(await refusal(api.deploy("chat", { ...deleted, bindings: [binding("Room")] }))).toBe(10061);
    expect(await refusal(api.deploy("chat", { ...deleted, keep_bindings: ["durable_object_namespace"] }))).toBe(10061);
    await api.deploy("chat", deleted);
    expect(await namespaces()).toEqual([]);
    await expect.poll(() => api.platform.runtime.discarded).toEqual([id]);
    await expect.poll(() => api.platform.db.selectFrom("discarded_states").selectAll().execute()).toEqual([]);
  });

  test("go to one of two scripts that take them at once", async () => {
    code("Room");
    await api.deploy("chat", created("Room"));
    const transferred_classes = [{ from: "Room", from_script: "chat", to: "Room" }];
    const takers = ["one", "two"].map((name) => refusal(api.deploy(name, { migrations: { transferred_classes } })));
    const [first, second] = (await Promise.all(takers)).sort();
    // Either it saw that the class was gone, or it was told so when it came to take it.
    expect([10035, 10074]).toContain(first ?? second);
    expect([first, second]).toContain(undefined);
    expect(await namespaces()).toHaveLength(1);
    expect((await api.call("GET", "/scripts")).result).toHaveLength(2);
  });

  test("go to another script with their namespace", async () => {
    code("Room");
    await api.deploy("chat", created("Room"));
    const id = await idOf("chat", "Room");
    const transferred_classes = [{ from: "Room", from_script: "chat", to: "Hall" }];
    code("Hall");
    await api.deploy("taker", { migrations: { new_tag: "v1", transferred_classes }, bindings: [binding("Hall")] });
    expect(await namespaces()).toEqual(["taker/Hall"]);
    expect(await idOf("taker", "Hall")).toBe(id);
    // Whose class it was may go on without it.
    code();
    await api.deploy("chat");
  });
});

describe("versions that are not deployed", () => {
  test("change no classes", async () => {
    code("Room", "Hall");
    await api.deploy("chat", created("Room"));
    expect(await refusal(api.upload("chat", step("v1", [{ new_sqlite_classes: ["Hall"] }])))).toBe(10211);
    const live = { type: "durable-object", storage: "sqlite" };
    expect(await refusal(api.upload("chat", { exports: { Room: live, Hall: live } }))).toBe(10211);
    expect(await refusal(api.upload("chat", { exports: { Room: live } }))).toBeUndefined();
  });

  test("bind only what there is", async () => {
    code("Room", "Hall");
    await api.deploy("chat", created("Room"));
    expect(await refusal(api.upload("chat", { bindings: [binding("Hall")] }))).toBe(10123);
    const live = { type: "durable-object", storage: "sqlite" };
    const exports = { Room: live, Hall: live };
    expect(await refusal(api.upload("chat", { exports, bindings: [binding("Hall")] }))).toBe(100406);
  });

  test("are not deployed across a change of classes", async () => {
    code("Room", "Hall");
    const first = await api.deploy("chat");
    const second = await api.deploy("chat", created("Room"));
    const third = await api.upload("chat");
    const deploy = (...shares: [string, number][]) =>
      api.call("POST", "/scripts/chat/deployments", {
        strategy: "percentage",
        versions: shares.map(([version_id, percentage]) => ({ version_id, percentage })),
      });
    expect((await deploy([first, 100])).code).toBe(10211);
    expect((await deploy([second, 50], [first, 50])).code).toBe(100405);
    expect((await deploy([second, 50], [third, 50])).status).toBe(200);
    expect(api.platform.runtime.prepared).toEqual([first]);
  });
});

describe("declared exports", () => {
  const live = { type: "durable-object", storage: "sqlite" };

  test("answer with what they came to", async () => {
    code("Room");
    const form = { exports: { Room: live }, bindings: [binding("Room")] };
    const { uploadForm } = await import("./testing.ts");
    const answer = await api.call("PUT", "/scripts/chat", uploadForm(form));
    expect(answer.result.exports_reconciliation).toMatchObject({
      created: ["Room"],
      warnings: [],
      removable_entries: [],
    });
    code("Room", "Other");
    expect(await refusal(api.deploy("chat", { exports: { Other: live } }))).toBe(100402);
    expect(await refusal(api.deploy("chat", { ...created("Other"), exports: { Room: live } }))).toBe(10021);
    expect(await refusal(api.deploy("chat", created("Other")))).toBe(10021);
  });

  test("transfer in two phases; the receiver is bound all along", async () => {
    code("Room");
    await api.deploy("source", { exports: { Room: live } });
    const id = await idOf("source", "Room");
    const expecting = { ...live, state: "expecting-transfer", transfer_from: "source" };
    const target = await api.deploy("target", { exports: { Room: expecting }, bindings: [binding("Room")] });
    expect(record(target)).toMatchObject({ bindings: [{ namespaceId: id }] });
    expect(await namespaces()).toEqual(["source/Room"]);
    const given = { type: "durable-object", state: "transferred", transferred_to: "target" };
    const source = await api.deploy("source", { exports: { Room: given }, bindings: [binding("Room", "target")] });
    expect(record(source)).toMatchObject({ bindings: [{ namespaceId: id, scriptName: "target" }] });
    expect(await namespaces()).toEqual(["target/Room"]);
    expect(await api.platform.db.selectFrom("object_transfers").selectAll().execute()).toEqual([]);
  });
});

describe("deleting a script", () => {
  test("is refused while its classes are bound, unless forced, and takes its data along", async () => {
    code("Room");
    await api.deploy("chat", created("Room"));
    const id = await idOf("chat", "Room");
    await api.deploy("guest", { bindings: [binding("Room", "chat")] });
    expect((await api.call("GET", "/scripts/chat/references")).result.durable_objects).toEqual([
      { service: "guest", durable_object_namespace_name: "chat_Room" },
    ]);
    expect((await api.call("DELETE", "/scripts/chat")).code).toBe(10064);
    expect((await api.call("DELETE", "/scripts/chat?force=true")).status).toBe(200);
    await expect.poll(() => api.platform.runtime.discarded).toEqual([id]);
  });
});

describe("workflows", () => {
  const flow = (workflow_name: string, class_name: string, script_name?: string) => ({
    ...{ type: "workflow", name: "FLOW", workflow_name, class_name },
    ...(script_name && { script_name }),
  });
  const rows = () => api.platform.db.selectFrom("workflows").select(["id", "name", "class_name"]).execute();

  test("are registered by the binding to an own class, and keep their id", async () => {
    code("OrderFlow");
    const version = await api.deploy("shop", { bindings: [flow("orders", "OrderFlow")] });
    const [row] = await rows();
    expect(row).toMatchObject({ name: "orders", class_name: "OrderFlow" });
    expect(record(version)).toMatchObject({
      bindings: [{ workflowId: row?.id }],
      workflows: [{ name: "orders", className: "OrderFlow", workflowId: row?.id }],
    });
    code("OrderFlow", "NewFlow");
    const preview = await api.upload("shop", { bindings: [flow("orders", "NewFlow")] });
    expect(await rows()).toEqual([row]);
    await api.call("POST", "/scripts/shop/deployments", {
      versions: [{ version_id: preview, percentage: 100 }],
    });
    expect(await rows()).toEqual([{ ...row, class_name: "NewFlow" }]);
  });

  test("need their class in the code, and a name that no other script has", async () => {
    code();
    expect(await refusal(api.deploy("shop", { bindings: [flow("orders", "OrderFlow")] }))).toBe(10021);
    code("OrderFlow");
    await api.deploy("shop", { bindings: [flow("orders", "OrderFlow")] });
    expect(await refusal(api.deploy("other", { bindings: [flow("orders", "OrderFlow")] }))).toBe(10021);
    const other = await api.deploy("other", { bindings: [flow("orders", "OrderFlow", "shop")] });
    expect(record(other)?.bindings).toMatchObject([{ workflowId: (await rows())[0]?.id, scriptName: "shop" }]);
  });
});

test("previews see production's state where the script says so", async () => {
  await api.deploy("chat");
  await api.call("PATCH", "/scripts/chat/script-settings", { preview_state: "production" });
  expect((await api.call("GET", "/scripts/chat/script-settings")).result).toMatchObject({
    preview_state: "production",
  });
  expect((await api.call("PATCH", "/scripts/chat/script-settings", { preview_state: null })).result).not.toHaveProperty(
    "preview_state",
  );
});
