/** The engine over real files of events: what queries find, and that packing changes nothing. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { TraceItem, TraceLog } from "../../domain/trace.ts";
import { openEngine } from "../../products/segments/host/engine.ts";
import { packNext } from "../../products/segments/host/pack.ts";
import { Refusal } from "../../products/segments/host/refusal.ts";
import { answer } from "./host/answer.ts";
import type { CalculationsRequest, FilterGroup, FilterLeaf, LogRequest } from "./host/requests.ts";
import * as rows from "./host/rows.ts";
import { jsonText } from "./json-text.ts";
import { recordsOf } from "./records.ts";

const ACCOUNT = "a".repeat(32);
const DAY = "2026-11-28";
const NOW = Date.UTC(2026, 10, 28, 12);

let root: string;
let connection: DuckDBConnection;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fh-logs-"));
  connection = await openEngine(root, rows.statements);
});
beforeEach(() => {
  for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
});
afterAll(() => {
  connection.closeSync();
  rmSync(root, { recursive: true, force: true });
});

const log = (level: TraceLog["level"], atMs: number, ...message: unknown[]): TraceLog => ({
  level,
  message,
  timestamp: NOW + atMs,
});
const item = (parts: Partial<TraceItem> = {}): TraceItem => ({
  eventTimestamp: NOW,
  outcome: "ok",
  event: {
    request: { url: "https://x.example.com/a?b=1", method: "GET", headers: { "user-agent": "curl/8" }, cf: {} },
    response: { status: 200 },
  },
  logs: [],
  exceptions: [],
  diagnosticsChannelEvents: [],
  executionModel: "stateless",
  truncated: false,
  cpuTime: 0,
  wallTime: 5,
  ...parts,
});

interface Put {
  name?: string;
  script?: string;
  interval?: number;
}
const directory = join("events", DAY);
function put(items: TraceItem[], { name = "00000001.open", script = "w", interval = 1 }: Put = {}): void {
  const source = { accountId: ACCOUNT, script, versionId: "v1", versionTag: "t1" };
  const events = items.flatMap((one) => recordsOf(source, one, { interval, invocationLogs: true }));
  mkdirSync(join(root, directory), { recursive: true });
  writeFileSync(join(root, directory, name), events.map((event) => `${jsonText(event)}\n`).join(""), {
    flag: "a",
  });
}

const filters = (...leaves: FilterLeaf[]): FilterGroup => ({
  kind: "group",
  filterCombination: "and",
  filters: leaves,
});
const leaf = (key: string, operation: FilterLeaf["operation"], value?: FilterLeaf["value"]): FilterLeaf => ({
  kind: "filter",
  key,
  operation,
  type: typeof value === "number" ? "number" : typeof value === "boolean" ? "boolean" : "string",
  value,
});
const selection = { accountId: ACCOUNT, timeframe: { from: NOW - 60_000, to: NOW + 60_000 }, filters: filters() };

// biome-ignore lint/suspicious/noExplicitAny: of results of every kind.
const ask = async (request: object): Promise<any> =>
  ((await answer(connection, root, { ...selection, ...request } as LogRequest)) as { result: unknown }).result;
const events = (request: object = {}) => ask({ kind: "events", limit: 50, direction: "next", ...request });
const messages = async (request: object = {}): Promise<string[]> =>
  (await events(request)).events.map((event: { $metadata: { message: string } }) => event.$metadata.message);
const found = (...leaves: FilterLeaf[]) => messages({ filters: filters(...leaves) });

describe("an invocation", () => {
  test("is stored as itself, what it logged and what it threw; in the answer as the original has it", async () => {
    put([
      item({
        outcome: "exception",
        entrypoint: "Api",
        event: {
          request: {
            url: "https://x.example.com/a?b=1",
            method: "POST",
            headers: { "cf-ray": "0123456789abcdef-FHD", "user-agent": "curl/8" },
            cf: { colo: "FHD" },
          },
          response: { status: 500 },
        },
        logs: [log("log", 1, "user", { id: 5 }), log("warn", 2, { user: { id: 5 }, "a.b": true })],
        exceptions: [{ name: "TypeError", message: "x is null", stack: "at f", timestamp: NOW + 3 }],
      }),
    ]);
    const result = await events();
    expect(result.count).toBe(4);
    const metadata = {
      ...{ id: expect.stringMatching(/^01[0-9A-Z]{24}$/), requestId: "0123456789abcdef", rayId: "0123456789abcdef" },
      ...{ trigger: "POST /a", origin: "fetch", service: "w", statusCode: 500, account: ACCOUNT },
    };
    const workers = {
      ...{ truncated: false, scriptName: "w", outcome: "exception", eventType: "fetch", entrypoint: "Api" },
      ...{ scriptVersion: { id: "v1", tag: "t1" }, executionModel: "stateless", requestId: "0123456789abcdef" },
    };
    const event = {
      request: { url: "https://x.example.com/a?b=1", method: "POST", path: "/a", search: { b: "1" } },
      response: { status: 500 },
      rayId: "0123456789abcdef",
    };
    const common = { dataset: "cloudflare-workers", $workers: { ...workers, event } };
    const message = "POST https://x.example.com/a?b=1";
    expect(result.events).toEqual([
      {
        ...{ ...common, timestamp: NOW + 3 },
        source: { level: "error", message: "TypeError: x is null", name: "TypeError", stack: "at f" },
        $metadata: {
          ...{ ...metadata, type: "cf-worker", level: "error", message: "TypeError: x is null", error: "x is null" },
        },
      },
      {
        ...{ ...common, timestamp: NOW + 2 },
        source: { user: { id: 5 }, "a.b": true },
        $metadata: { ...metadata, type: "cf-worker", level: "warn", message: '{"user":{"id":5},"a.b":true}' },
      },
      {
        ...{ ...common, timestamp: NOW + 1 },
        source: { level: "log", message: 'user {"id":5}' },
        $metadata: { ...metadata, type: "cf-worker", level: "log", message: 'user {"id":5}' },
      },
      {
        ...{ ...common, timestamp: NOW },
        source: { level: "error", message },
        $workers: {
          ...{ ...workers, wallTimeMs: 5, cpuTimeMs: 0 },
          event: {
            ...event,
            request: {
              ...event.request,
              headers: { "cf-ray": "0123456789abcdef-FHD", "user-agent": "curl/8" },
              cf: { colo: "FHD" },
            },
          },
        },
        $metadata: { ...metadata, type: "cf-worker-event", level: "error", message, error: "x is null" },
      },
    ]);
    expect(result.fields).toContainEqual({ key: "user.id", type: "number" });
  });

  test("keeps 256 KB of what it logged, exceptions first", async () => {
    const logs = Array.from({ length: 40 }, (_, n) => log("log", n, `${n} ${"x".repeat(10_000)}`));
    put([item({ logs, exceptions: [{ name: "Error", message: "last", timestamp: NOW + 99 }] })]);
    const result = await events({ limit: 100 });
    expect(result.count).toBeGreaterThan(10);
    expect(result.count).toBeLessThan(20);
    expect(result.events[0].$metadata.error).toBe("last");
    expect(
      result.events.every((one: { $workers: object }) => "truncated" in one.$workers && one.$workers.truncated),
    ).toBe(true);
  });
});

describe("filters:", () => {
  beforeEach(() => {
    put([
      item({
        logs: [
          log("log", 1, { message: "a", n: 5, ok: true, tags: { "x/y": "z~" }, list: ["p"] }),
          log("warn", 2, { message: "b", n: 10.5, ok: false, "dotted.name": "it's" }),
          log("error", 3, { message: "c" }),
        ],
      }),
    ]);
  });
  const isLog = leaf("$metadata.type", "eq", "cf-worker");

  test.each<[FilterLeaf, string]>([
    [leaf("message", "eq", "a"), "a"],
    [leaf("source.message", "eq", "a"), "a"],
    [leaf("message", "neq", "a"), "cb"],
    [leaf("n", "eq", 5), "a"],
    [leaf("n", "neq", 5), "cb"],
    [leaf("n", "gt", 5), "b"],
    [leaf("n", "gte", 5), "ba"],
    [leaf("n", "lt", 10.5), "a"],
    [{ ...leaf("n", "lte", "10.5"), type: "number" }, "ba"],
    [leaf("n", "in", "5, 10.5"), "ba"],
    [{ ...leaf("n", "in", "5"), type: "number" }, "a"],
    [{ ...leaf("n", "not_in", "5"), type: "number" }, "cb"],
    [leaf("ok", "eq", true), "a"],
    [leaf("ok", "neq", true), "cb"],
    [leaf("n", "exists"), "ba"],
    [leaf("n", "is_null"), "c"],
    [leaf("tags.x/y", "eq", "z~"), "a"],
    [leaf("list.0", "eq", "p"), "a"],
    [leaf("dotted.name", "eq", "it's"), "b"],
    [leaf("dotted.name", "includes", "'"), "b"],
    [leaf("dotted.name", "not_includes", "'"), "ca"],
    [leaf("message", "regex", "^[ab]$"), "ba"],
    [leaf("$metadata.message", "starts_with", "c"), "c"],
    [leaf("$metadata.message", "ends_with", "b"), "b"],
    [leaf("$metadata.level", "in", "warn,error"), "cb"],
    [leaf("$metadata.statusCode", "eq", 200), "cba"],
    [leaf("$metadata.statusCode", "starts_with", "20"), "cba"],
    [leaf("$workers.event.response.status", "gte", 500), ""],
    [leaf("$workers.event.request.path", "eq", "/a"), "cba"],
    [leaf("$cloudflare.truncated", "eq", false), "cba"],
    [leaf("$workers.scriptName", "eq", "w"), "cba"],
    [leaf("$metadata.account", "eq", ACCOUNT), "cba"],
    [leaf("dataset", "eq", "cloudflare-workers"), "cba"],
    [leaf("timestamp", "gt", NOW + 2), "c"],
    [leaf("$metadata.nothing", "exists"), ""],
    [leaf("x') OR true --", "exists"), ""],
    [leaf("message", "eq", "' OR true --"), ""],
  ])("%j finds %s", async (one, expected) => {
    expect((await found(isLog, one)).join("")).toBe(expected);
  });

  test("groups are joined as they say", async () => {
    const or: FilterGroup = {
      ...filters(leaf("n", "eq", 5), leaf("$metadata.level", "eq", "error")),
      filterCombination: "or",
    };
    expect(await messages({ filters: { ...filters(), filters: [isLog, or] } })).toEqual(["c", "a"]);
  });

  test.each([
    ["an invalid pattern", leaf("message", "regex", "("), /missing \)/],
    [
      "a number that is none",
      { ...leaf("n", "gt", "many"), type: "number" as const },
      /compares numbers, and many is none/,
    ],
    ["a filter without value", leaf("n", "gt"), /has no value/],
  ])("%s is refused", async (_name, one, message) => {
    await expect(found(one)).rejects.toThrow(message);
  });

  test.each<[string, object, string[]]>([
    ["text in any case", { value: "USER-agent" }, ["GET https://x.example.com/a?b=1"]],
    ["a value of a field", { value: "it's" }, ["b"]],
    ["text in its case", { value: "Dotted", matchCase: true }, []],
    ["a pattern", { value: "^c$", isRegex: true }, ["c"]],
    ["signs that JSON escapes", { value: '"list":["p"]' }, []],
  ])("free text: %s", async (_name, needle, expected) => {
    expect(await messages({ needle: { isRegex: false, matchCase: false, ...needle } })).toEqual(expected);
  });

  test("keys are listed with their types, and values of one", async () => {
    const { keys, ...examined } = await ask({ kind: "keys", limit: 1000 });
    expect(examined).toMatchObject({ isPart: false });
    expect(keys).toContainEqual({ key: "n", type: "number", lastSeenAt: NOW + 2 });
    expect(keys).toContainEqual({ key: "ok", type: "boolean", lastSeenAt: NOW + 2 });
    expect(keys).toContainEqual({ key: "$workers.event.request.headers.user-agent", type: "string", lastSeenAt: NOW });
    const tags = { value: "TAGS", isRegex: false, matchCase: false };
    const near = await ask({ kind: "keys", limit: 9, keyNeedle: tags });
    expect(near.keys.map(({ key }: { key: string }) => key)).toEqual(["tags.x/y"]);
    const broken = { value: "(", isRegex: true, matchCase: false };
    await expect(ask({ kind: "keys", limit: 9, keyNeedle: broken })).rejects.toThrow(Refusal);
    const values = async (key: string, type: string) =>
      (await ask({ kind: "values", key, type, limit: 2 })).map(({ value }: { value: unknown }) => value);
    expect(await values("n", "number")).toEqual([5, 10.5]);
    expect(await values("ok", "boolean")).toEqual([false, true]);
    expect(await values("$metadata.service", "string")).toEqual(["w"]);
  });
});

test("keys of large events are those of the newest, as many as can be looked at", async () => {
  const text = "x".repeat(100_000);
  const large = (n: number) => item({ eventTimestamp: NOW + n, logs: [log("log", n, { [`k${n}`]: 1, text })] });
  put(Array.from({ length: 400 }, (_, n) => large(n)));
  const { keys, examined, isPart } = await ask({ kind: "keys", limit: 1000 });
  const names = keys.map(({ key }: { key: string }) => key);
  expect(names).toContain("k399");
  expect(names).not.toContain("k0");
  expect([isPart, examined > 10, examined < 400]).toEqual([true, true, true]);
  const near = await ask({ kind: "keys", limit: 9, filters: filters(leaf("k0", "exists")) });
  expect(near).toMatchObject({ isPart: false, examined: 1 });
});

test("whatever code logs can be stored and asked", async () => {
  const deep = JSON.parse(`${'{"a":'.repeat(3000)}1${"}".repeat(3000)}`);
  const odd = [
    { text: "half \ud800", "key \udc00": "\\ud800" },
    { deep },
    "\ud83d alone",
    { text: "\0\u2028\u{1f600}" },
    { n: 1e308 * 10 },
  ];
  put([item({ logs: odd.map((value, n) => log("log", n + 1, value)) })], { name: "00000001.seg" });
  while (await packNext(connection, root, "2026-11-29", rows)) {}
  put([item({ logs: odd.map((value, n) => log("log", n + 1, value)) })], { name: "00000002.open" });
  expect((await events()).count).toBe(12);
  expect(await found(leaf("text", "eq", "half \ufffd"))).toHaveLength(2);
  expect(await found(leaf("key \ufffd", "eq", "\\ud800"))).toHaveLength(2);
  expect(await found(leaf("text", "includes", "\u{1f600}"))).toHaveLength(2);
  expect(await found(leaf("message", "eq", "\ufffd alone"))).toHaveLength(2);
});

describe("calculations:", () => {
  beforeEach(() => {
    const one = (ms: number, script: string) =>
      put([item({ wallTime: ms, eventTimestamp: NOW + ms * 1000, logs: [log("log", 0, { user: `u${ms % 2}` })] })], {
        script,
      });
    for (const ms of [1, 2, 3, 4]) one(ms, ms < 4 ? "a" : "b");
  });
  const calculate = (parts: Partial<CalculationsRequest> = {}) =>
    ask({
      kind: "calculations",
      ...{ calculations: [], groupBys: [], havings: [], limit: 10, offset: 0, aggregates: true },
      ...parts,
    });
  const calculation = (operator: string, key?: string) =>
    ({ operator, asked: operator, key, keyType: "number" }) as CalculationsRequest["calculations"][number];

  test.each([
    ["count", undefined, 8],
    ["count", "$workers.wallTimeMs", 4],
    ["uniq", "user", 2],
    ["sum", "$workers.wallTimeMs", 10],
    ["avg", "$workers.wallTimeMs", 2.5],
    ["min", "$workers.wallTimeMs", 1],
    ["max", "$workers.wallTimeMs", 4],
    ["median", "$workers.wallTimeMs", 2.5],
    ["p25", "$workers.wallTimeMs", 1.75],
    ["p90", "$workers.wallTimeMs", 3.7],
    ["p999", "$workers.wallTimeMs", 3.997],
    ["p001", "$workers.wallTimeMs", 1.003],
    ["variance", "$workers.wallTimeMs", 1.25],
    ["stddev", "$workers.wallTimeMs", Math.sqrt(1.25)],
  ])("%s of %s", async (operator, key, expected) => {
    const one = { ...calculation(operator, key), ...(operator === "uniq" && { keyType: "string" as const }) };
    const [result] = await calculate({ calculations: [one] });
    expect(result).toMatchObject({ calculation: operator, series: [], aggregates: [{ count: 8, sampleInterval: 1 }] });
    expect(result.aggregates[0].value).toBeCloseTo(expected, 6);
  });

  test("in groups, over time, with conditions and in order", async () => {
    const parts = {
      calculations: [calculation("count"), { ...calculation("max", "$workers.wallTimeMs"), alias: "slowest" }],
      groupBys: [{ value: "$metadata.service", type: "string" as const }],
      orderBy: { value: "slowest", order: "desc" as const },
      bucketMs: 2000,
    };
    const [count, slowest] = await calculate(parts);
    const group = (value: string) => [{ key: "$metadata.service", value }];
    expect(slowest.alias).toBe("slowest");
    expect(slowest.aggregates.map((one: object) => ({ ...one }))).toEqual([
      { count: 2, interval: 1, sampleInterval: 1, value: 4, groups: group("b") },
      { count: 6, interval: 1, sampleInterval: 1, value: 3, groups: group("a") },
    ]);
    const times = count.series.map(({ time, data }: { time: string; data: { value: number }[] }) => [
      time.slice(17, 19),
      data.map(({ value }) => value),
    ]);
    // The logs are of the first second.
    expect(times).toEqual([
      ["00", [4, 1]],
      ["02", [2]],
      ["04", [1]],
    ]);
    const havings = [{ key: "count", operation: "gt" as const, value: 2 }];
    const [few] = await calculate({ ...parts, havings });
    expect(few.aggregates.map(({ groups }: { groups: object }) => groups)).toEqual([group("a")]);
    const [first] = await calculate({ ...parts, limit: 1 });
    expect(first.aggregates).toHaveLength(1);
  });

  test("an event that was sampled stands for others", async () => {
    put([item({ wallTime: 100 })], { interval: 10 });
    const [count, sum, avg] = await calculate({
      calculations: [
        calculation("count"),
        calculation("sum", "$workers.wallTimeMs"),
        calculation("avg", "$workers.wallTimeMs"),
      ],
    });
    expect(count.aggregates).toEqual([{ count: 18, interval: 2, sampleInterval: 2, value: 18 }]);
    expect(sum.aggregates[0].value).toBe(1010);
    expect(avg.aggregates[0].value).toBeCloseTo(1010 / 14, 6);
  });

  test("of nothing there are none", async () => {
    const none = { filters: filters(leaf("$metadata.service", "eq", "nobody")) };
    const [count, max] = await calculate({
      ...none,
      calculations: [calculation("count"), calculation("max", "$workers.wallTimeMs")],
    });
    expect([count.aggregates[0].value, max.aggregates[0].value]).toEqual([0, 0]);
    const [grouped] = await calculate({
      ...none,
      calculations: [calculation("count")],
      groupBys: [{ value: "user", type: "string" }],
    });
    expect(grouped.aggregates).toEqual([]);
  });

  test("an order by what is not there is refused", async () => {
    const parts = { calculations: [calculation("count")], orderBy: { value: "p99", order: "asc" as const } };
    await expect(calculate(parts)).rejects.toThrow(/there is no calculation "p99"/);
  });
});

describe("pages:", () => {
  beforeEach(() => {
    for (let n = 0; n < 6; n++) put([item({ eventTimestamp: NOW + (n >> 1), event: { cron: `c${n}` } })]);
  });
  const idOf = (result: { events: { $metadata: { id: string } }[] }, at: number) => result.events.at(at)?.$metadata.id;
  const text = (result: { events: { $metadata: { message: string } }[] }) =>
    result.events.map(({ $metadata }) => $metadata.message).join("");

  test("each begins after the last event of the one before, also where several have one time", async () => {
    const first = await events({ limit: 3 });
    expect([text(first), first.count]).toEqual(["c5c4c3", 6]);
    const second = await events({ limit: 3, cursor: idOf(first, -1) });
    expect(text(second)).toBe("c2c1c0");
    expect(text(await events({ limit: 2, cursor: idOf(second, 0), direction: "prev" }))).toBe("c4c3");
  });

  test("a series counts what is in each point", async () => {
    put([item({ outcome: "exception", eventTimestamp: NOW + 2000 })]);
    const { series } = await events({ bucketMs: 1000 });
    expect(series.map(({ time }: { time: string }) => time.slice(17, 19))).toEqual(["00", "02"]);
    expect(series.map(({ data }: { data: object[] }) => data[0])).toMatchObject([
      { count: 6, errors: 0, sampleInterval: 1 },
      { count: 1, errors: 1 },
    ]);
  });

  test("invocations come whole, the newest first", async () => {
    put([item({ eventTimestamp: NOW + 50, logs: [log("log", 51, "needle"), log("log", 52, "other")] })]);
    const invocations = await ask({
      ...{ kind: "invocations", limit: 2, direction: "next" },
      filters: filters(leaf("message", "includes", "needle")),
    });
    const [only, ...more] = Object.values(invocations) as { $metadata: { message: string } }[][];
    expect(more).toEqual([]);
    expect(only?.map(({ $metadata }) => $metadata.message)).toEqual([
      "GET https://x.example.com/a?b=1",
      "needle",
      "other",
    ]);
    expect(Object.keys(await ask({ kind: "invocations", limit: 3, direction: "next" }))).toHaveLength(3);
  });

  test("before anything is stored all are empty", async () => {
    for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
    expect(await events({ bucketMs: 1000 })).toEqual({ count: 0, events: [], fields: [], series: [] });
    expect(await ask({ kind: "invocations", limit: 5, direction: "next" })).toEqual({});
  });
});

describe("packing", () => {
  const packAll = async () => {
    while (await packNext(connection, root, "2026-11-29", rows)) {}
  };

  test("changes nothing, and a line that is not whole is left out", async () => {
    put([item({ logs: [log("log", 1, { text: "é\0\n", n: 1e21 })] })], { name: "00000001.seg" });
    put([item({ event: { queue: "q", batchSize: 3 } })], { name: "00000002.seg" });
    writeFileSync(join(root, directory, "00000002.seg"), '{"id":"01', { flag: "a" });
    const before = await events();
    expect(before.count).toBe(3);
    await packAll();
    expect(readdirSync(join(root, directory))).toEqual(["00000001-00000002.parquet"]);
    expect(await events()).toEqual(before);
  });

  test("events as large as they can be do not need more memory than there is", async () => {
    const text = "x\n".repeat(40_000);
    for (let id = 1; id <= 9; id++) {
      const items = Array.from({ length: 30 }, (_, n) => item({ logs: [log("log", n, `${text}${n}`)] }));
      put(items, { name: `0000000${id}.seg` });
    }
    await packAll();
    expect(readdirSync(join(root, directory))).toEqual(["00000001-00000009.parquet"]);
    expect((await events({ limit: 10 })).count).toBe(540);
    await expect(events({ limit: 500 })).rejects.toThrow(/too large/);
  });
});

test("what was read is said", async () => {
  put([item()], { name: "00000001.seg" });
  put([item()], { name: "00000002.seg" });
  while (await packNext(connection, root, "2026-11-29", rows)) {}
  put([item()], { name: "00000003.open" });
  const { statistics } = (await answer(connection, root, {
    ...selection,
    ...{ kind: "events", limit: 1, direction: "next" },
  })) as { statistics: { rows_read: number; bytes_read: number; elapsed: number } };
  expect(statistics.rows_read).toBe(3);
  expect(statistics.bytes_read).toBeGreaterThan(1000);
  expect(statistics.elapsed).toBeGreaterThan(0);
});
