/** Data points on their way to disk: read, sampled, written, kept as long as they shall be. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readPoint } from "./data-point.ts";
import { sortFiles } from "./host/files.ts";
import { Intake } from "./intake.ts";
import { keepAccount } from "./keeper.ts";
import { FULL_RATE, MAX_DATASETS, MAX_KEPT_RATE, SEGMENT_BYTES } from "./limits.ts";
import { Sampler } from "./sampler.ts";

const ACCOUNT = "a".repeat(32);
const NOW = Date.UTC(2026, 10, 28, 12);
const DAY = "2026-11-28";
const bytes = (text: string) => [...Buffer.from(text)];

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "fh-intake-"));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(root, { recursive: true, force: true });
});

describe("a data point", () => {
  const read = (point: object) => readPoint(Buffer.from(JSON.stringify(point)));

  test("is a line of what was given", () => {
    const point = read({
      timestamp: "1795847457006000128",
      index1: bytes("ü"),
      double1: 1.5,
      double2: 0,
      double3: "NaN",
      blob1: bytes('"\n'),
      blob20: bytes("é"),
    });
    expect(point?.index).toBe("ü");
    expect(JSON.parse(`${point?.fields}}`)).toEqual({
      t: 1795847457,
      i: "ü",
      d1: 1.5,
      d3: "NaN",
      b1: '"\n',
      b20: "é",
    });
  });

  test.each([
    ["no JSON", Buffer.from("{")],
    ["nothing", Buffer.from("{}")],
    ["a time that is none", Buffer.from('{"timestamp":"soon"}')],
  ])("is refused when it is %s", (_name, body) => {
    expect(readPoint(body)).toBeUndefined();
  });

  test("cannot bring in fields of its own", () => {
    const point = read({ timestamp: "1000000000", double1: '1,"n":5', blob1: ["x"], n: 5, index1: "text" });
    expect(JSON.parse(`${point?.fields}}`)).toEqual({ t: 1, b1: "\0" });
  });
});

describe("sampling", () => {
  const feed = (sampler: Sampler, index: string, count: number, nowMs = NOW) => {
    const kept: number[] = [];
    for (let n = 0; n < count; n++) {
      const interval = sampler.take(index, nowMs);
      if (interval !== 0 && interval !== undefined) kept.push(interval);
    }
    return kept;
  };
  const sum = (list: number[]) => list.reduce((a, b) => a + b, 0);

  test("begins with much traffic, and sums stay right", () => {
    const kept = feed(new Sampler(), "a", 10 * FULL_RATE);
    expect(kept).toHaveLength(FULL_RATE + 900);
    expect(sum(kept)).toBe(10 * FULL_RATE);
    expect(new Set(kept)).toEqual(new Set([1, 10]));
    expect(sum(feed(new Sampler(), "a", 200 * FULL_RATE))).toBe(200 * FULL_RATE);
  });

  test("leaves other indexes and the next second alone", () => {
    const sampler = new Sampler();
    feed(sampler, "a", 5 * FULL_RATE);
    expect(feed(sampler, "b", 3)).toEqual([1, 1, 1]);
    expect(feed(sampler, "a", 3, NOW + 1000)).toEqual([1, 1, 1]);
  });

  test("has a bound for indexes without end", () => {
    const sampler = new Sampler();
    let lost = 0;
    for (let n = 0; n < 200_000; n++) if (sampler.take(`index ${n}`, NOW) === undefined) lost++;
    expect(lost).toBe(0);
    const wide = new Sampler();
    let kept = 0;
    for (let n = 0; n < MAX_KEPT_RATE + 10_000; n++) {
      const interval = wide.take(`index ${n % 9_999}`, NOW);
      if (interval === undefined) lost++;
      else kept++;
    }
    expect([kept, lost]).toEqual([MAX_KEPT_RATE, 10_000]);
  });
});

describe("intake", () => {
  const point = (index: string, fields = '{"t":1') => ({ index, fields });
  let sealed: string[];
  let logged: string[];
  let intake: Intake;
  beforeEach(() => {
    sealed = [];
    logged = [];
    intake = new Intake(root, { sealed: (id) => sealed.push(id), log: (line) => logged.push(line) });
  });
  afterEach(() => intake.close());
  const today = () => new Date().toISOString().slice(0, 10);
  const directory = (dataset = "ds") => join(root, ACCOUNT, dataset, today());

  test("points are appended to one file, from one process and the next", async () => {
    intake.write(ACCOUNT, "ds", point("a"));
    expect(existsSync(directory())).toBe(false);
    intake.flush();
    intake.write(ACCOUNT, "ds", point("b", '{"t":2'));
    await intake.close();
    expect(readFileSync(join(directory(), "00000001.open"), "utf8")).toBe('{"t":1}\n{"t":2}\n');
    const next = new Intake(root, { sealed: () => {}, log: () => {} });
    next.write(ACCOUNT, "ds", point("c"));
    await next.close();
    expect(readdirSync(directory()).sort()).toEqual(["00000001.open", "00000002.open"]);
  });

  test("a full segment is sealed, and the next point begins another", async () => {
    const large = point("a", `{"t":1,"b1":"${"x".repeat(16_000)}"`);
    for (let n = 0; n <= SEGMENT_BYTES / 16_000 + 1; n++) {
      intake.write(ACCOUNT, "ds", large);
      intake.flush();
    }
    await vi.waitFor(() => expect(sealed).toEqual([ACCOUNT]));
    expect(readdirSync(directory()).sort()).toEqual(["00000001.seg", "00000002.open"]);
  });

  test("a segment of a day that is over is sealed", async () => {
    intake.write(ACCOUNT, "ds", point("a"));
    intake.flush();
    await intake.sealPast("2999-01-01");
    expect(readdirSync(directory())).toEqual(["00000001.seg"]);
    expect(sealed).toEqual([ACCOUNT]);
  });

  test("what cannot be written is dropped and counted, and said once", () => {
    mkdirSync(join(root, ACCOUNT), { recursive: true });
    writeFileSync(join(root, ACCOUNT, "ds"), "no directory");
    for (let n = 0; n < 3; n++) {
      intake.write(ACCOUNT, "ds", point("a"));
      intake.flush();
    }
    expect(intake.dropped).toBe(3);
    expect(logged).toEqual([expect.stringMatching(/^data points of a{32}\/ds are dropped: /)]);
  });

  test("an account has so many datasets", () => {
    for (let n = 0; n < MAX_DATASETS; n++) mkdirSync(join(root, ACCOUNT, `d${n}`), { recursive: true });
    intake.write(ACCOUNT, "one-more", point("a"));
    intake.write(ACCOUNT, "d0", point("a"));
    expect(intake.dropped).toBe(1);
  });
});

describe("keeping", () => {
  const keeping = (parts = {}) => ({
    retentionMs: 30 * 86_400_000,
    maxBytes: 1_000_000,
    isOpen: () => false,
    release: async () => {},
    log: () => {},
    ...parts,
  });
  const put = (path: string, size = 1) => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), "x".repeat(size));
  };
  const all = () =>
    (readdirSync(root, { recursive: true, encoding: "utf8" }) as string[]).filter((name) => /\.\w+$/.test(name)).sort();

  test("days that are too old go, and a dataset with its last one", async () => {
    put("old/2026-10-28/00000001.seg");
    put("ds/2026-10-28/00000001.seg");
    put("ds/2026-10-29/00000001-00000002.parquet");
    expect(await keepAccount(root, keeping(), NOW)).toBe(false);
    expect(all()).toEqual(["ds/2026-10-29/00000001-00000002.parquet"]);
    expect(readdirSync(root)).toEqual(["ds"]);
  });

  test("segments that nobody writes to any more are sealed", async () => {
    put("left/2026-11-27/00000001.open");
    put(`open/${DAY}/00000001.open`);
    const isOpen = (directory: string, date: string) => directory.endsWith("open") && date === DAY;
    expect(await keepAccount(root, keeping({ isOpen }), NOW)).toBe(true);
    expect(all()).toEqual(["left/2026-11-27/00000001.seg", `open/${DAY}/00000001.open`]);
  });

  test("an account with too much loses its oldest days", async () => {
    for (const day of ["26", "27", "28"]) put(`ds/2026-11-${day}/00000001-00000001.parquet`, 400);
    const log: string[] = [];
    await keepAccount(root, keeping({ maxBytes: 900, log: (line: string) => log.push(line) }), NOW);
    expect(all().map((name) => name.slice(3, 13))).toEqual(["2026-11-27", "2026-11-28"]);
    expect(log).toHaveLength(1);
  });
});

test("a packed file stands for all in its range, and not for itself", () => {
  const { live, replaced } = sortFiles([
    "00000001-00000003.parquet",
    "00000001-00000001.parquet",
    "00000002.seg",
    "00000004.open",
    "00000008.open",
    "00000008.seg",
    "00000005-00000006.parquet.tmp",
    "stray",
    "00000007.parquet",
  ]);
  expect(live.map(({ name }) => name)).toEqual(["00000001-00000003.parquet", "00000004.open", "00000008.seg"]);
  expect(replaced.map(({ name }) => name).sort()).toEqual([
    "00000001-00000001.parquet",
    "00000002.seg",
    "00000008.open",
  ]);
});
