import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Delivery } from "../../domain/events.ts";
import { cpuMsOf } from "../../lib/testing-cpu.ts";
import { type TestPlatform, testPlatform } from "../../store/testing.ts";
import { claimRun, endRun, listRuns, trimRuns } from "./runs.ts";
import { CronScheduler, dueMinutes } from "./scheduler.ts";
import { replaceTriggers } from "./triggers.ts";

const NOON = Date.parse("2026-11-28T12:00:00Z");
const at = (time: string) => Date.parse(`2026-11-28T${time}Z`);

let platform: TestPlatform;
let scheduler: CronScheduler;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: NOON - 86_400_000 });
  platform = await testPlatform();
  await addScript("s", { v1: 100 });
  scheduler = new CronScheduler(platform);
});
afterEach(async () => {
  vi.useRealTimers();
  await scheduler.stop();
  await platform.end();
});

async function addScript(id: string, shares: Record<string, number>): Promise<void> {
  const { db, account } = platform;
  const texts = { tag: "t", created_on: "x", modified_on: "x", last_deployed_from: "api", settings_json: "{}" };
  const flags = { migration_tag: null, enabled: 1, previews_enabled: 1, next_version_number: 1 };
  await db
    .insertInto("scripts")
    .values({ id, account_id: account.id, name: id, kind: "worker", ...texts, ...flags })
    .execute();
  const facts = { script_id: id, created_on: "x", author_email: "a", source: "api", annotations_json: "{}" };
  const versions = Object.keys(shares).map((version, number) => ({
    ...{ id: version, number, author_id: "a", etag: "e", startup_time_ms: 1, record_json: "{}", metadata_json: "{}" },
    ...facts,
  }));
  if (versions.length === 0) return;
  await db.insertInto("versions").values(versions).execute();
  await db
    .insertInto("deployments")
    .values({ id: `d-${id}`, ...facts })
    .execute();
  const parts = Object.entries(shares).map(([version_id, percentage], position) => ({
    ...{ deployment_id: `d-${id}`, position, version_id, percentage },
  }));
  await db.insertInto("deployment_versions").values(parts).execute();
}

const triggers = (crons: string[], scriptId = "s") =>
  replaceTriggers(platform.db, { accountId: platform.account.id, scriptId }, crons, new Date());

/** Looks at this time, and waits for what it began. */
async function tickAt(ms: number, one = scheduler): Promise<void> {
  vi.setSystemTime(ms);
  await one.tick();
  for (let turns = 0; turns < 20; turns++) await setImmediate();
}

const delivered = () =>
  platform.runtime.delivered.map(({ event }) =>
    event.type === "scheduled" ? `${event.cron} ${new Date(event.scheduledTimeMs).toISOString().slice(11, 16)}` : "",
  );
const history = async (scriptId = "s") =>
  (await listRuns(platform.db, scriptId)).map((run) => [run.scheduled_on.slice(11, 16), run.outcome]);

test("what is due runs in its minute, each expression for itself", async () => {
  await triggers(["* * * * *", "*/2 * * * *", "30 4 * * *"]);
  await tickAt(NOON - 60_000);
  platform.runtime.delivered.length = 0;
  await tickAt(NOON + 3);
  expect(delivered().sort()).toEqual(["* * * * * 12:00", "*/2 * * * * 12:00"]);
  await tickAt(NOON + 59_000);
  expect(delivered()).toHaveLength(2);
  await tickAt(NOON + 60_000);
  expect(delivered()).toHaveLength(3);
  const [run] = await listRuns(platform.db, "s");
  expect(run).toMatchObject({ cron: "* * * * *", source: "schedule", outcome: "ok", version_id: "v1" });
});

test("a trigger begins with the minute after it was made", async () => {
  await tickAt(NOON);
  vi.setSystemTime(NOON + 30_000);
  await triggers(["* * * * *"]);
  await tickAt(NOON + 40_000);
  expect(delivered()).toEqual([]);
  await tickAt(NOON + 60_000);
  expect(delivered()).toEqual(["* * * * * 12:01"]);
  await triggers([]);
  await tickAt(NOON + 120_000);
  expect(delivered()).toHaveLength(1);
});

test("several processes make each run once", async () => {
  await tickAt(NOON - 60_000);
  await triggers(["* * * * *", "0 * * * *"]);
  const others = [scheduler, new CronScheduler(platform), new CronScheduler(platform)];
  vi.setSystemTime(NOON);
  await Promise.all(others.map((one) => one.tick()));
  await tickAt(NOON + 1000);
  expect(delivered().sort()).toEqual(["* * * * * 12:00", "0 * * * * 12:00"]);
});

test("runs overlap: one that goes on does not hold up the next", async () => {
  const { promise, resolve } = Promise.withResolvers<Delivery>();
  await triggers(["* * * * *"]);
  await tickAt(NOON - 60_000);
  platform.runtime.delivered.length = 0;
  platform.runtime.delivery = () => promise;
  await tickAt(NOON);
  await tickAt(NOON + 60_000);
  expect(delivered()).toEqual(["* * * * * 12:00", "* * * * * 12:01"]);
  expect((await history()).slice(0, 2)).toEqual([
    ["12:01", null],
    ["12:00", null],
  ]);
  resolve({ outcome: "exception", begun: true });
  await tickAt(NOON + 60_500);
  expect((await history()).slice(0, 2)).toEqual([
    ["12:01", "exception"],
    ["12:00", "exception"],
  ]);
  // A run that failed is not made again.
  expect(delivered()).toHaveLength(2);
});

test.each<[string, string, string, string, string[], (string | null)[][]]>([
  ["a short absence", "*/5 * * * *", "11:58", "12:02", ["12:00"], [["12:00", "ok"]]],
  [
    "an absence over several due minutes",
    "* * * * *",
    "11:58",
    "12:02",
    ["12:02"],
    [
      ["12:02", "ok"],
      ["11:59", "missed"],
    ],
  ],
  ["a long absence", "0 * * * *", "08:30", "11:40", [], [["09:00", "missed"]]],
  [
    "a long absence that ends right after a due minute",
    "0 * * * *",
    "08:30",
    "12:04",
    ["12:00"],
    [
      ["12:00", "ok"],
      ["09:00", "missed"],
    ],
  ],
  ["a due minute five minutes ago", "0 * * * *", "11:30", "12:05", ["12:00"], [["12:00", "ok"]]],
  ["a due minute six minutes ago", "0 * * * *", "11:30", "12:06", [], [["12:00", "missed"]]],
  ["nothing missed", "0 * * * *", "12:00", "12:59", [], []],
])("after %s", async (_what, cron, from, to, ran, noted) => {
  await triggers([cron]);
  await tickAt(at(`${from}:00`));
  platform.runtime.delivered.length = 0;
  await platform.db.deleteFrom("cron_runs").execute();
  const next = new CronScheduler(platform);
  await tickAt(at(`${to}:10`), next);
  expect(delivered()).toEqual(ran.map((minute) => `${cron} ${minute}`));
  expect((await history()).sort()).toEqual(noted.toSorted());
});

test("a clock that is set back makes nothing twice, and one that is set forward misses only what lies between", async () => {
  await triggers(["* * * * *"]);
  await tickAt(NOON);
  platform.runtime.delivered.length = 0;
  await tickAt(NOON - 600_000);
  await tickAt(NOON - 540_000);
  expect(delivered()).toEqual(["* * * * * 11:51"]);
  await tickAt(NOON + 3_600_000);
  expect(delivered()).toEqual(["* * * * * 11:51", "* * * * * 13:00"]);
  await tickAt(NOON);
  expect(delivered()).toHaveLength(2);
});

test("each run chooses its version by the shares", async () => {
  await addScript("split", { a: 50, b: 50 });
  await triggers(["* * * * *"], "split");
  await tickAt(NOON);
  for (let minute = 1; minute <= 40; minute++) await tickAt(NOON + minute * 60_000);
  expect(new Set(platform.runtime.delivered.map(({ versionId }) => versionId))).toEqual(new Set(["a", "b"]));
});

test("a script without a deployment has its runs noted", async () => {
  await addScript("bare", {});
  await tickAt(NOON - 60_000);
  await triggers(["0 12 28 11 *"], "bare");
  await tickAt(NOON);
  expect(await listRuns(platform.db, "bare")).toMatchObject([{ outcome: "scriptNotFound", version_id: null }]);
});

test("what found no place to run is tried again, and what began is not", async () => {
  const answers: Delivery[] = [
    { outcome: "loadShed", begun: false },
    { outcome: "internalError", begun: true },
  ];
  platform.runtime.delivery = () => answers.shift() ?? { outcome: "ok", begun: true };
  await tickAt(NOON - 60_000);
  await triggers(["0 12 * * *"]);
  vi.setSystemTime(NOON);
  await scheduler.tick();
  await vi.waitFor(async () => expect(await history()).toEqual([["12:00", "internalError"]]), { timeout: 20_000 });
  expect(delivered()).toHaveLength(2);
});

test("a run whose process ended is not said to go on for ever", async () => {
  await tickAt(NOON - 60_000);
  await triggers(["0 12 * * *"]);
  platform.runtime.delivery = () => new Promise(() => {});
  await tickAt(NOON);
  await tickAt(NOON + 16 * 60_000);
  expect(await history()).toEqual([["12:00", null]]);
  await tickAt(NOON + 18 * 60_000);
  expect(await history()).toEqual([["12:00", "unknown"]]);
  // Its end is not waited for.
  scheduler = new CronScheduler(platform);
});

test("the last 100 runs are kept, and those of the last hour", async () => {
  await triggers(["* * * * *"]);
  const [trigger] = await platform.db.selectFrom("cron_triggers").selectAll().execute();
  if (!trigger) throw new Error("there is no trigger");
  for (let minute = 0; minute < 150; minute++) {
    const scheduledMs = NOON + minute * 60_000;
    await claimRun(platform.db, trigger, { source: "schedule", scheduledMs }, scheduledMs);
  }
  await trimRuns(platform.db, "s", NOON + 150 * 60_000);
  expect(await platform.db.selectFrom("cron_runs").select("id").execute()).toHaveLength(100);
  expect((await history())[0]?.[0]).toBe("14:29");
});

test("of runs that were asked for 100 are kept, whenever they were, and those that go on", async () => {
  await triggers(["* * * * *"]);
  const [trigger] = await platform.db.selectFrom("cron_triggers").selectAll().execute();
  if (!trigger) throw new Error("there is no trigger");
  const claim = async (source: "schedule" | "api", scheduledMs: number) => {
    const run = await claimRun(platform.db, trigger, { source, scheduledMs }, scheduledMs);
    if (!run) throw new Error("it was made before");
    return run;
  };
  const kept = [await claim("schedule", NOON - 60_000), await claim("api", NOON - 1)];
  for (let index = 0; index < 150; index++) {
    const run = await claim("api", NOON + index);
    await endRun(platform.db, run, { duration_ms: 1, outcome: "ok", message: null, version_id: null });
  }
  await trimRuns(platform.db, "s", NOON + 1000);
  const rows = await platform.db.selectFrom("cron_runs").select("id").execute();
  expect(rows).toHaveLength(102);
  for (const { id } of kept) expect(rows).toContainEqual({ id });
});

test("a time in the far past costs nothing to look at", () => {
  const usedMs = cpuMsOf(() => {
    expect(dueMinutes("* * * * *", 0, NOON)).toEqual({ dueMs: NOON, missedMs: 60_000 });
    expect(dueMinutes("0 0 29 2 1#5", 0, NOON).dueMs).toBeUndefined();
  });
  expect(usedMs).toBeLessThan(200);
});

test("a look is taken at each full minute, by a clock that may be set", async () => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"], now: NOON - 90_000 });
  await triggers(["* * * * *"]);
  scheduler.start();
  await vi.advanceTimersByTimeAsync(3000);
  await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1));
  await vi.advanceTimersByTimeAsync(27_000);
  await vi.waitFor(() => expect(delivered()).toEqual(["* * * * * 11:59"]));
});
