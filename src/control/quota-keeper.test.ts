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
    vi.setSystemTime("2026-12-01T00:00:00Z");
    await check(counted("one", { [A]: 1 }, "2026-11-30"), counted("one", { [A]: 1 }, "2026-12-01"));
    const rows = await platform.db.selectFrom("daily_requests").select("day").orderBy("day").execute();
    expect(rows.map(({ day }) => day)).toEqual([tomorrow, "2026-11-30", "2026-12-01"]);
  });
});

describe("a clock that is wrong", () => {
  /** The clock shows this day; a control process that begins now knows of no other. */
  const setClock = (day: string, restarted: boolean) => {
    vi.setSystemTime(`${day}T12:00:00Z`);
    if (restarted) keeper = new QuotaKeeper(platform);
  };

  test.each([false, true])(
    "and is set back over midnight: both days go on (control restarts: %s)",
    async (restarted) => {
      await check(counted("one", { [A]: LIMIT - 1, [B]: LIMIT }));
      setClock(tomorrow, restarted);
      expect(await check(counted("one", { [A]: 2, [B]: LIMIT }, tomorrow))).toEqual([B]);
      const { published } = platform.runtime;
      setClock(today, restarted);
      // An edge that began anew, and one that knows its count.
      expect(await check(counted("two", {}), counted("one", { [A]: LIMIT - 1 }))).toEqual([B]);
      // The same accounts, but of another day.
      expect(platform.runtime.published).toBe(published + 1);
      expect(await check(counted("two", { [A]: 1 }))).toEqual([A, B]);
      setClock(tomorrow, restarted);
      expect(await check(counted("one", { [A]: 3, [B]: LIMIT }, tomorrow))).toEqual([B]);
      expect(await check(counted("one", { [A]: LIMIT, [B]: LIMIT }, tomorrow))).toEqual([A, B]);
    },
  );

  test.each([false, true])("and was far ahead: what was done then counts for one day (%s)", async (restarted) => {
    await check(counted("one", { [A]: 4, [B]: 9 }));
    setClock("2030-01-01", restarted);
    expect(await check(counted("one", { [A]: LIMIT, [B]: 2 }, "2030-01-01"))).toEqual([A]);
    setClock(today, restarted);
    expect(await check(counted("one", { [A]: 4, [B]: 9 }))).toEqual([A]);
    setClock(today, true);
    expect(await check(counted("two", { [B]: 1 }))).toEqual([A, B]);
    for (const day of [tomorrow, "2026-11-30"]) {
      setClock(day, true);
      expect(await check(counted("two", { [A]: LIMIT - 1 }, day))).toEqual([]);
    }
    expect(await check(counted("two", { [A]: LIMIT }, "2026-11-30"))).toEqual([A]);
  });

  test("and was far behind: nobody has a quota more, and the day goes on", async () => {
    await check(counted("one", { [A]: LIMIT - 1 }));
    setClock("1970-01-01", true);
    expect(await check(counted("two", {}, "1970-01-01"))).toEqual([]);
    expect(await check(counted("two", { [A]: 1 }, "1970-01-01"))).toEqual([A]);
    setClock(today, true);
    expect(await check(counted("three", {}))).toEqual([]);
    expect(await check(counted("three", { [A]: 1 }))).toEqual([A]);
  });
});

test("what an edge said first is not taken back", async () => {
  await check(counted("one", { [A]: LIMIT }));
  expect(await check(counted("one", { [A]: 1 }))).toEqual([A]);
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
