import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EdgeCounts } from "../domain/version-counts.ts";
import { type TestPlatform, testPlatform } from "../store/testing.ts";
import { QuotaKeeper } from "./quota-keeper.ts";
import { SnapshotTaker } from "./snapshot.ts";

const LIMIT = 10;
const [today, tomorrow] = ["2026-11-28", "2026-11-29"];
const A = "a".repeat(32);
const B = "b".repeat(32);

let platform: TestPlatform;
let keeper: QuotaKeeper;
beforeEach(async () => {
  vi.useFakeTimers({ now: Date.parse(`${today}T23:00:00Z`), toFake: ["Date"] });
  vi.spyOn(console, "error").mockImplementation(() => {});
  platform = await testPlatform({ FREEHOLD_DAILY_REQUESTS: String(LIMIT) });
  keeper = new QuotaKeeper(platform);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await platform.end();
});

function counted(edgeId: string, accounts: Record<string, number>, day: string = today): EdgeCounts {
  return { edgeId, versions: {}, daily: { day, accounts } };
}

/** Has edges report this; answers whose quota the next snapshot says is spent. */
async function check(...reports: EdgeCounts[]): Promise<string[]> {
  platform.runtime.counted = reports;
  await keeper.check();
  return spent();
}

async function spent(): Promise<string[]> {
  const { routing } = await new SnapshotTaker(platform.db, 0, LIMIT).take();
  return routing.spent?.accountIds ?? [];
}

describe("the sum", () => {
  test("is of all edges, by account; a report that comes again counts once", async () => {
    const one = counted("one", { [A]: 5, [B]: 9 });
    expect(await check(one, counted("two", { [A]: 4 }))).toEqual([]);
    expect(await check(one, counted("two", { [A]: 4 }))).toEqual([]);
    expect(await check(one, counted("two", { [A]: 5 }))).toEqual([A]);
    expect(await check(one, counted("two", { [A]: 5, [B]: 1 }))).toEqual([A, B]);
  });

  test("stays when edges and control begin anew", async () => {
    await check(counted("one", { [A]: 6 }));
    keeper = new QuotaKeeper(platform);
    expect(await check(counted("successor", { [A]: 3 }))).toEqual([]);
    expect(await check(counted("successor", { [A]: 4 }))).toEqual([A]);
    // No edge answers.
    keeper = new QuotaKeeper(platform);
    expect(await check()).toEqual([A]);
  });

  test("begins anew with the day, and what an edge says late counts for its own", async () => {
    expect(await check(counted("one", { [A]: LIMIT }))).toEqual([A]);
    vi.setSystemTime(`${tomorrow}T00:00:00Z`);
    expect(await spent()).toEqual([]);
    expect(await check(counted("one", { [A]: LIMIT }))).toEqual([]);
    expect(await check(counted("one", { [A]: 1 }, tomorrow))).toEqual([]);
    vi.setSystemTime("2026-11-30T00:00:00Z");
    await check();
    const rows = await platform.db.selectFrom("daily_requests").select(["day", "requests"]).execute();
    expect(rows).toEqual([{ day: tomorrow, requests: 1 }]);
  });
});

test("routes are published when the verdict changes, and nothing is written while nothing happens", async () => {
  const published = async (...reports: EdgeCounts[]) => {
    await check(...reports);
    return platform.runtime.published;
  };
  expect(await published(counted("one", { [A]: 9 }))).toBe(0);
  expect(await published(counted("one", { [A]: 10 }))).toBe(1);
  expect(await published(counted("one", { [A]: 20 }))).toBe(1);
  const read = vi.spyOn(platform.db, "selectFrom");
  platform.runtime.counted = [counted("one", { [A]: 20 })];
  await keeper.check();
  expect(read).not.toHaveBeenCalled();
  vi.setSystemTime(`${tomorrow}T00:00:00Z`);
  expect(await published(counted("one", {}, tomorrow))).toBe(2);
});

test("a publication that failed is tried again", async () => {
  const publish = vi.spyOn(platform.runtime, "publish").mockRejectedValueOnce(new Error("no"));
  await expect(check(counted("one", { [A]: LIMIT }))).rejects.toThrow("no");
  await check(counted("one", { [A]: LIMIT }));
  expect(publish).toHaveBeenCalledTimes(2);
});
