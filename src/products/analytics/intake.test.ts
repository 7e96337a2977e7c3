/** Data points on their way to disk: read, sampled, written. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SEGMENT_BYTES } from "../segments/limits.ts";
import { readPoint } from "./data-point.ts";
import { Intake } from "./intake.ts";
import { FULL_RATE, MAX_DATASETS, MAX_KEPT_RATE } from "./limits.ts";
import { Sampler } from "./sampler.ts";

const ACCOUNT = "a".repeat(32);
const NOW = Date.UTC(2026, 10, 28, 12);
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
    vi.useFakeTimers({ toFake: ["Date"], now: NOW });
    sealed = [];
    logged = [];
    intake = new Intake(root, { sealed: (id) => sealed.push(id), log: (line) => logged.push(line) });
  });
  afterEach(() => intake.writer.close());
  const today = () => new Date().toISOString().slice(0, 10);
  const directory = (dataset = "ds") => join(root, ACCOUNT, dataset, today());

  test("points are appended to one file, from one process and the next", async () => {
    intake.write(ACCOUNT, "ds", point("a"));
    expect(existsSync(directory())).toBe(false);
    intake.writer.flush();
    intake.write(ACCOUNT, "ds", point("b", '{"t":2'));
    await intake.writer.close();
    expect(readFileSync(join(directory(), "00000001.open"), "utf8")).toBe('{"t":1}\n{"t":2}\n');
    const next = new Intake(root, { sealed: () => {}, log: () => {} });
    next.write(ACCOUNT, "ds", point("c"));
    await next.writer.close();
    expect(readdirSync(directory()).sort()).toEqual(["00000001.open", "00000002.open"]);
  });

  test("a full segment is sealed, and the next point begins another", async () => {
    const large = point("a", `{"t":1,"b1":"${"x".repeat(16_000)}"`);
    for (let n = 0; n <= SEGMENT_BYTES / 16_000 + 1; n++) {
      intake.write(ACCOUNT, "ds", large);
      intake.writer.flush();
    }
    await vi.waitFor(() => expect(sealed).toEqual([ACCOUNT]));
    expect(readdirSync(directory()).sort()).toEqual(["00000001.seg", "00000002.open"]);
  });

  test("a segment of a day that is over is sealed", async () => {
    intake.write(ACCOUNT, "ds", point("a"));
    intake.writer.flush();
    await intake.writer.sealPast("2999-01-01");
    expect(readdirSync(directory())).toEqual(["00000001.seg"]);
    expect(sealed).toEqual([ACCOUNT]);
  });

  test("what cannot be written is dropped and counted, and said once", () => {
    mkdirSync(join(root, ACCOUNT), { recursive: true });
    writeFileSync(join(root, ACCOUNT, "ds"), "no directory");
    for (let n = 0; n < 3; n++) {
      intake.write(ACCOUNT, "ds", point("a"));
      intake.writer.flush();
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
