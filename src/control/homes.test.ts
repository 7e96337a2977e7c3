import { afterEach, beforeEach, expect, it } from "vitest";
import type { ExportedEntrypoint, LaunchRecord } from "../domain/version.ts";
import { type TestPlatform, testPlatform } from "../store/testing.ts";
import { SnapshotTaker } from "./snapshot.ts";
import { addScript, deploy } from "./testing-scripts.ts";

let platform: TestPlatform;
let taker: SnapshotTaker;
beforeEach(async () => {
  platform = await testPlatform();
  taker = new SnapshotTaker(platform.db, 0);
});
afterEach(() => platform.end());

const homes = async () => (await taker.take()).homes;
const object = (name: string): ExportedEntrypoint => ({ name, kind: "durable-object", handlers: [] });
const flow = (name: string): ExportedEntrypoint => ({ name, kind: "workflow", handlers: [] });

/** What the version's record says that homes depend on. */
async function record(versionId: string, parts: Partial<LaunchRecord>): Promise<void> {
  const record_json = JSON.stringify({ modules: [{}], exports: [], ...parts });
  await platform.db.updateTable("versions").set({ record_json }).where("id", "=", versionId).execute();
}

async function addClass(script: string, className: string, id = `id-of-${className}`): Promise<void> {
  const facts = { id, account_id: platform.account.id, script_id: script, class_name: className };
  await platform.db
    .insertInto("object_namespaces")
    .values({ ...facts, storage: "sqlite", created_on: "", transferred_from: null })
    .execute();
}

async function addWorkflow(script: string, name: string, className: string): Promise<void> {
  const facts = { id: `id-of-${name}`, account_id: platform.account.id, script_id: script, name };
  await platform.db
    .insertInto("workflows")
    .values({ ...facts, class_name: className, created_on: "", modified_on: "", settings_json: "{}" })
    .execute();
}

const Room = { className: "Room", namespaceId: "id-of-Room", storage: "sqlite" };

it("gives each script with state a home in the version with the largest share, the others are its guests", async () => {
  await addScript(platform, "chat", 3);
  await addScript(platform, "plain", 1);
  await deploy(platform, "plain", "p", [["plain-1", 100]]);
  for (const id of ["chat-1", "chat-2"]) await record(id, { exports: [object("Room"), flow("Order")] });
  await addClass("chat", "Room");
  await addWorkflow("chat", "orders", "Order");
  expect(await homes()).toEqual([]);

  await deploy(platform, "chat", "split", [
    ["chat-1", 30],
    ["chat-2", 70],
  ]);
  const home = {
    ...{ accountId: platform.account.id, scriptName: "chat", versionId: "chat-2", guests: ["chat-1"] },
    ...{ classes: [Room], workflows: [{ name: "orders", className: "Order", workflowId: "id-of-orders" }] },
  };
  expect(await homes()).toEqual([home]);

  await deploy(platform, "chat", "even", [
    ["chat-1", 50],
    ["chat-2", 50],
  ]);
  expect(await homes()).toEqual([{ ...home, versionId: "chat-1", guests: ["chat-2"] }]);
});

it("leaves out classes that the home's code does not have, and versions without code", async () => {
  await addScript(platform, "chat", 2);
  await record("chat-1", { exports: [object("Room")] });
  await record("chat-2", { modules: [], exports: [] });
  await addClass("chat", "Room");
  await addClass("chat", "Elsewhere");
  await deploy(platform, "chat", "one", [["chat-1", 100]]);
  expect((await homes())[0]?.classes).toEqual([Room]);
  await deploy(platform, "chat", "two", [["chat-2", 100]]);
  expect(await homes()).toEqual([]);
});

it("sees classes that come and go without a new version", async () => {
  await addScript(platform, "chat", 1);
  await record("chat-1", { exports: [object("Room")] });
  await deploy(platform, "chat", "one", [["chat-1", 100]]);
  expect(await homes()).toEqual([]);
  await addClass("chat", "Room");
  expect((await homes())[0]?.classes).toEqual([Room]);
});

it("keeps a version whose classes another script took over from becoming a preview", async () => {
  await addScript(platform, "giver", 1);
  const objects = [{ className: "Room", namespaceId: "id-of-Room", storage: "sqlite" as const }];
  await record("giver-1", { exports: [object("Room")], objects });
  await deploy(platform, "giver", "one", [["giver-1", 100]]);
  expect(await homes()).toMatchObject([{ versionId: "giver-1", classes: [], workflows: [] }]);
});

it("makes previews guests of the home where the script says so", async () => {
  await addScript(platform, "chat", 3, { settings_json: JSON.stringify({ preview_state: "production" }) });
  await record("chat-2", { exports: [object("Room")] });
  await addClass("chat", "Room");
  await deploy(platform, "chat", "one", [["chat-2", 100]]);
  expect((await homes())[0]?.guests).toEqual(["chat-3", "chat-1"]);
});
