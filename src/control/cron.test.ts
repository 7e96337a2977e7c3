/** The scheduler with a clock of its own, over runners that are real. */
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LaunchRecord } from "../domain/version.ts";
import { listRuns } from "../products/cron/runs.ts";
import { CronScheduler } from "../products/cron/scheduler.ts";
import { replaceTriggers } from "../products/cron/triggers.ts";
import { type TestPlatform, testPlatform } from "../store/testing.ts";
import { fetchRunner, startTestPool, storeVersion, type TestPool } from "../supervisor/testing.ts";
import { EventSender } from "../workerd/event-sender.ts";

const NOON = Date.parse("2026-11-28T12:00:00Z");

let pool: TestPool;
let platform: TestPlatform;
let scheduler: CronScheduler;
beforeEach(async () => {
  pool = await startTestPool();
  platform = await testPlatform();
  const sender = new EventSender({
    acquire: (versionId) => pool.pool.acquire(versionId),
    verdict: (instanceId) => pool.pool.verdict(instanceId),
  });
  pool.members.gone = ({ instanceId }) => sender.gone(instanceId);
  platform.runtime.deliver = (versionId, event, timeoutMs) => sender.deliver(versionId, event, timeoutMs);
  scheduler = new CronScheduler(platform);
  vi.useFakeTimers({ toFake: ["Date"], now: NOON - 90_000 });
  await scheduler.tick();
});
afterEach(async () => {
  vi.useRealTimers();
  await scheduler.stop();
  await platform.end();
  await pool.close();
});

async function deploy(source: string, crons: string[]): Promise<LaunchRecord> {
  const record = storeVersion(pool.config, source, {
    exports: [{ name: "default", kind: "object", handlers: ["fetch", "scheduled"] }],
    limits: { cpuMs: 50 },
  });
  const { db, account } = platform;
  const times = { created_on: "x", modified_on: "x" };
  const texts = { tag: "t", last_deployed_from: "api", settings_json: "{}", migration_tag: null };
  const flags = { enabled: 1, previews_enabled: 1, next_version_number: 1 };
  const script = { id: "s", account_id: account.id, name: "s", kind: "worker" as const, ...times, ...texts, ...flags };
  await db.insertInto("scripts").values(script).execute();
  const facts = { script_id: "s", created_on: "x", source: "api", author_email: "a", annotations_json: "{}" };
  const jsons = { record_json: "{}", metadata_json: "{}" };
  const version = {
    id: record.versionId,
    number: 1,
    author_id: "a",
    etag: "e",
    startup_time_ms: 1,
    ...jsons,
    ...facts,
  };
  await db.insertInto("versions").values(version).execute();
  await db
    .insertInto("deployments")
    .values({ id: "d", ...facts })
    .execute();
  const share = { deployment_id: "d", position: 0, version_id: record.versionId, percentage: 100 };
  await db.insertInto("deployment_versions").values(share).execute();
  const owner = { accountId: account.id, scriptId: "s" };
  await replaceTriggers(db, owner, crons, new Date());
  return record;
}

/** Looks at this time; resolves when all that it began is done. */
async function runsAt(ms: number): Promise<[cron: string, outcome: string | null][]> {
  vi.setSystemTime(ms);
  await scheduler.tick();
  for (;;) {
    const runs = await listRuns(platform.db, "s");
    if (runs.every(({ outcome }) => outcome !== null)) return runs.map(({ cron, outcome }) => [cron, outcome]);
    await delay(10);
  }
}

test("handlers are called in their minute, and tell how they ended", async () => {
  const record = await deploy(
    `const seen = [];
    export default {
      fetch: () => Response.json(seen),
      async scheduled(controller) {
        seen.push([controller.cron, controller.scheduledTime]);
        if (controller.cron.startsWith("1 ")) throw new Error("no");
        if (controller.cron.startsWith("2 ")) for (;;);
      },
    };`,
    ["*/5 * * * *", "1 12 * * *", "2 12 * * *"],
  );
  expect(await runsAt(NOON - 30_000)).toEqual([]);
  expect(await runsAt(NOON)).toEqual([["*/5 * * * *", "ok"]]);
  expect((await runsAt(NOON + 61_000))[0]).toEqual(["1 12 * * *", "exception"]);
  const seen = await fetchRunner(await pool.start(record));
  expect(JSON.parse(seen.body)).toEqual([
    ["*/5 * * * *", NOON],
    ["1 12 * * *", NOON + 60_000],
  ]);
  expect((await runsAt(NOON + 121_000))[0]).toEqual(["2 12 * * *", "exceededCpu"]);
  // The next finds a new runner.
  expect((await runsAt(NOON + 300_000))[0]).toEqual(["*/5 * * * *", "ok"]);
});
