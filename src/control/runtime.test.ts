import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { paths } from "../domain/paths.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { ChannelError } from "../lib/channel.ts";
import { type TestPlatform, testPlatform } from "../store/testing.ts";
import { EventSender } from "../workerd/event-sender.ts";
import { PublicationLog } from "./publication-log.ts";
import { Publisher } from "./publisher.ts";
import { restoreLaunchRecords, type SupervisorChannel, supervisorRuntime } from "./runtime.ts";

let platform: TestPlatform;
let files: ReturnType<typeof paths>;
beforeEach(async () => {
  platform = await testPlatform();
  files = paths(platform.config);
});
afterEach(() => platform.end());

const record = (versionId: string): LaunchRecord => ({
  ...{ versionId, accountId: platform.account.id, scriptName: "hello", createdOn: "2026-01-01T00:00:00.000Z", tag: "" },
  ...{ format: "modules" as const, mainModule: "index.js", modules: [], bindings: [], compatibilityDate: "2026-01-01" },
  ...{ compatibilityFlags: [], limits: { cpuMs: 30_000, memoryMb: 128 }, exports: [] },
});

function runtimeOver(call: (name: string, request: unknown) => unknown) {
  const supervisor = { call: vi.fn(async (name: string, request: unknown) => call(name, request)) };
  const channel = supervisor as unknown as SupervisorChannel;
  const publisher = new Publisher({
    db: platform.db,
    routesPath: files.routes,
    homesPath: files.homes,
    queuesPath: files.queueRecords,
    observedPath: files.observed,
    log: new PublicationLog(files.publication),
    retentionMs: 0,
    dailyRequests: 0,
    before: async () => {},
    announce: async (generation) => void (await channel.call("publish", { generation })),
  });
  const events = new EventSender({
    acquire: (versionId) => channel.call("acquire", { versionId }),
    verdict: async (instanceId) => (await channel.call("verdict", { instanceId })).cause,
  });
  return { runtime: supervisorRuntime(files, channel, publisher, events), calls: supervisor.call };
}

it("asks the supervisor", async () => {
  const { runtime, calls } = runtimeOver((name) =>
    name === "validate" ? { ok: true, exports: [], startupTimeMs: 1 } : {},
  );
  expect(await runtime.validate(record("v"))).toEqual({ ok: true, exports: [], startupTimeMs: 1 });
  await runtime.retire([]);
  await runtime.retire(["a", "b"]);
  await runtime.publish();
  await runtime.prepare("v");
  expect(calls.mock.calls.map(([name, request]) => [name, request])).toEqual([
    ["validate", { record: record("v") }],
    ["retire", { versionIds: ["a", "b"] }],
    ["publish", { generation: 1 }],
    ["acquire", { versionId: "v" }],
  ]);
});

it("says what became of an event that reached no runner", async () => {
  const { runtime } = runtimeOver(() => ({ unavailable: "crash-loop", message: "it ended 3 times in a row" }));
  expect(await runtime.deliver("v", { type: "scheduled", cron: "* * * * *", scheduledTimeMs: 0 }, 1000)).toEqual({
    outcome: "internalError",
    begun: false,
    message: "it ended 3 times in a row",
  });
});

it("does not fail a deploy because a runner starts late", async () => {
  const { runtime } = runtimeOver(() => {
    throw new ChannelError("no answer");
  });
  await runtime.prepare("v");
  await expect(runtime.validate(record("v"))).rejects.toThrow(ChannelError);
});

it("writes launch records for this user alone", async () => {
  const { runtime } = runtimeOver(() => ({}));
  await runtime.writeLaunchRecord(record("v"));
  expect(JSON.parse(readFileSync(files.launchRecord("v"), "utf8"))).toEqual(record("v"));
  expect(statSync(files.launchRecord("v")).mode & 0o777).toBe(0o600);
});

it("restores what is missing and removes what has no version", async () => {
  await platform.db
    .insertInto("scripts")
    .values({
      ...{
        id: "s",
        account_id: platform.account.id,
        name: "hello",
        kind: "worker" as const,
        tag: "",
        created_on: "",
        modified_on: "",
      },
      ...{ last_deployed_from: "api", migration_tag: null, enabled: 1, previews_enabled: 1, next_version_number: 3 },
      settings_json: "{}",
    })
    .execute();
  for (const [number, id] of [
    [1, "kept"],
    [2, "lost"],
  ] as const) {
    await platform.db
      .insertInto("versions")
      .values({
        ...{ id, script_id: "s", number, created_on: "", author_id: "", author_email: "", source: "api", etag: "" },
        ...{ startup_time_ms: 1, annotations_json: "{}", metadata_json: "{}", record_json: JSON.stringify(record(id)) },
      })
      .execute();
  }
  await restoreLaunchRecords(platform.db, files);
  expect(readdirSync(files.versions).sort()).toEqual(["kept.json", "lost.json"]);

  rmSync(files.launchRecord("lost"));
  const before = statSync(files.launchRecord("kept")).mtimeMs;
  writeFileSync(files.launchRecord("deleted"), "{}");
  writeFileSync(join(files.versions, "kept.json.abc.tmp"), "{");
  await restoreLaunchRecords(platform.db, files);
  expect(readdirSync(files.versions).sort()).toEqual(["kept.json", "lost.json"]);
  expect(JSON.parse(readFileSync(files.launchRecord("lost"), "utf8"))).toEqual(record("lost"));
  expect(statSync(files.launchRecord("kept")).mtimeMs).toBe(before);
});
