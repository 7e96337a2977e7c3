import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RoutingSnapshot } from "../domain/routing.ts";
import { type TestPlatform, testPlatform } from "../store/testing.ts";
import { SnapshotTaker } from "./snapshot.ts";
import { addScript, addVersion, deploy } from "./testing-scripts.ts";

let platform: TestPlatform;
let taker: SnapshotTaker;
beforeEach(async () => {
  platform = await testPlatform();
  taker = new SnapshotTaker(platform.db, platform.config.assets.retentionMs);
});
afterEach(() => platform.end());

describe("SnapshotTaker", () => {
  it("has the scripts that are observed, and no others", async () => {
    await addScript(platform, "plain", 1);
    await addScript(platform, "tailed", 1, { settings_json: '{"tail_consumers":[{"service":"t"}]}' });
    await addScript(platform, "quiet", 1, { settings_json: '{"observability":{"enabled":false}}' });
    const accountId = platform.account.id;
    expect((await taker.take()).observed).toEqual([
      { accountId, script: "tailed", tailConsumers: ["t"], logpush: false },
    ]);
  });

  it("has each script with its newest deployment, versions and aliases", async () => {
    await addScript(platform, "b-split", 3, { previews_enabled: 1, settings_json: '{"version_affinity":"ip"}' });
    await deploy(platform, "b-split", "old", [["b-split-1", 100]]);
    await deploy(platform, "b-split", "new", [
      ["b-split-3", 0.01],
      ["b-split-2", 99.99],
    ]);
    await platform.db
      .insertInto("aliases")
      .values({ script_id: "b-split", alias: "main", version_id: "b-split-1", created_on: "" })
      .execute();
    await addScript(platform, "a-draft", 0, { enabled: 0 });

    expect((await taker.take()).routing).toEqual({
      generation: 1,
      accounts: [{ id: platform.account.id, subdomain: "dev" }],
      scripts: [
        {
          id: "a-draft",
          accountId: platform.account.id,
          name: "a-draft",
          enabled: false,
          previewsEnabled: false,
          shares: [],
          versions: [],
          aliases: {},
        },
        {
          id: "b-split",
          accountId: platform.account.id,
          name: "b-split",
          enabled: true,
          previewsEnabled: true,
          shares: [
            { versionId: "b-split-3", percentage: 0.01 },
            { versionId: "b-split-2", percentage: 99.99 },
          ],
          versions: ["b-split-3", "b-split-2", "b-split-1"],
          aliases: { main: "b-split-1" },
          affinity: "ip",
        },
      ],
      zones: [],
      domains: [],
    } satisfies RoutingSnapshot);
    expect((await taker.take()).routing.generation).toBe(2);
  });

  it("has the newest 100 versions", async () => {
    await addScript(platform, "many", 130);
    const { scripts } = (await taker.take()).routing;
    expect(scripts[0]?.versions).toHaveLength(100);
    expect([scripts[0]?.versions[0], scripts[0]?.versions[99]]).toEqual(["many-130", "many-31"]);
  });

  it("sees versions that were added and scripts that were deleted since the last one", async () => {
    await addScript(platform, "kept", 1);
    await addScript(platform, "gone", 1);
    await taker.take();
    await addVersion(platform, "kept", 2);
    await platform.db.deleteFrom("scripts").where("name", "=", "gone").execute();
    // A script of the same name is another script.
    await addScript(platform, "gone-too", 1, { name: "gone" });
    const { scripts } = (await taker.take()).routing;
    expect(scripts.map((script) => [script.name, script.versions])).toEqual([
      ["gone", ["gone-too-1"]],
      ["kept", ["kept-2", "kept-1"]],
    ]);
  });
});

describe("a Pages project's script", () => {
  const label = async () => {
    await addScript(platform, "p", 2, { kind: "pages", modified_on: "1" });
    const row = { id: "p", account_id: platform.account.id, name: "shop", label: "shop", script_id: "p" };
    await platform.db
      .insertInto("pages_projects")
      .values({ ...row, production_branch: "main", created_on: "", settings_json: "{}" })
      .execute();
  };

  it("has its label", async () => {
    await label();
    expect((await taker.take()).routing.scripts).toMatchObject([{ name: "p", pagesLabel: "shop" }]);
  });

  it("loses a version that is deleted", async () => {
    await label();
    expect((await taker.take()).routing.scripts).toMatchObject([{ versions: ["p-2", "p-1"] }]);
    await platform.db.deleteFrom("versions").where("id", "=", "p-2").execute();
    await platform.db.updateTable("scripts").set({ modified_on: "2" }).execute();
    expect((await taker.take()).routing.scripts).toMatchObject([{ versions: ["p-1"] }]);
  });
});

it("has the files of an aliased version, however old it is", async () => {
  await addScript(platform, "w", 120);
  await platform.db.insertInto("version_sites").values({ version_id: "w-1", script_id: "w", site: "site-1" }).execute();
  const alias = { script_id: "w", alias: "old", version_id: "w-1", created_on: "" };
  await platform.db.insertInto("aliases").values(alias).execute();
  const [script] = (await taker.take()).routing.scripts;
  expect(script?.versions).not.toContain("w-1");
  expect(script?.sites).toEqual({ "w-1": "site-1" });
});

it("has no protection for sessions, whose tokens are secret already", async () => {
  await addScript(platform, "w", 1);
  await addScript(platform, "s", 1, { kind: "session" });
  const key = `protection:${platform.account.id}`;
  await platform.db.insertInto("settings").values({ key, value: "all" }).execute();
  const { scripts } = (await taker.take()).routing;
  expect(scripts.map(({ id, protection }) => [id, protection?.scope])).toEqual([
    ["s", undefined],
    ["w", "all"],
  ]);
});
