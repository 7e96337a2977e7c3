/** The engine over real files: what functions give, and that packing neither loses nor doubles a point. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openEngine } from "../segments/host/engine.ts";
import { packNext } from "../segments/host/pack.ts";
// @ts-expect-error: plain JavaScript, without types here.
import { answer } from "./host/query.js";
// @ts-expect-error: the same.
import * as packing from "./host/relation.js";
// @ts-expect-error: the same.
import { macros } from "./host/sql/macros.js";

const DAY = "2026-11-27";
const TODAY = "2026-11-28";

let root: string;
// biome-ignore lint/suspicious/noExplicitAny: of the engine, without types here.
let connection: any;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fh-analytics-"));
  connection = await openEngine(root, macros);
});
beforeEach(() => {
  for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
});
afterAll(() => {
  connection.closeSync();
  rmSync(root, { recursive: true, force: true });
});

const lines = (...points: object[]) => points.map((point) => `${JSON.stringify(point)}\n`).join("");
function put(name: string, content: string, { dataset = "ds", date = DAY } = {}): void {
  mkdirSync(join(root, dataset, date), { recursive: true });
  writeFileSync(join(root, dataset, date, name), content);
}
const names = (dataset = "ds", date = DAY) => readdirSync(join(root, dataset, date)).sort();
const ask = async (sql: string): Promise<string> => (await answer(connection, root, sql)).text;
const rows = async (sql: string): Promise<Record<string, unknown>[]> => JSON.parse(await ask(sql)).data;
const value = async (expression: string, from = "") =>
  Object.values((await rows(`SELECT ${expression} ${from}`))[0] ?? {})[0];

describe("functions of constants:", () => {
  test.each([
    ["toDateTime(355924804)", "1981-04-12 12:00:04"],
    ["toDateTime('355924804')", "1981-04-12 12:00:04"],
    ["toDateTime('1981-04-12 12:00:04')", "1981-04-12 12:00:04"],
    ["toDateTime('2022-12-01 16:17:00', 'America/New_York')", "2022-12-01 21:17:00"],
    ["formatDateTime(toDateTime('2022-12-01 23:17:00', 'America/New_York'), '%Y-%m-%d')", "2022-12-01"],
    ["formatDateTime(toDateTime('2022-12-01 23:17:00', 'America/New_York'), '%Y-%m-%d', 'Etc/UTC')", "2022-12-02"],
    ["formatDateTime(toDateTime(0), '%F %T %i %%')", "1970-01-01 00:00:00 00 %"],
    ["toYear(toDateTime('2025-10-27 00:00:00'))", 2025],
    ["toMonth(toDateTime('2025-10-27 00:00:00'))", 10],
    ["toDayOfMonth(toDateTime('2025-10-27 00:00:00'))", 27],
    ["toDayOfWeek(toDateTime('2025-10-27 00:00:00'))", 1],
    ["toDayOfWeek(toDateTime('2025-11-02 00:00:00'))", 7],
    ["toHour(toDateTime('2025-10-27 09:11:13'))", 9],
    ["toMinute(toDateTime('2025-10-27 09:11:13'))", 11],
    ["toSecond(toDateTime('2025-10-27 09:11:13'))", 13],
    ["toUnixTimestamp(toDateTime(355924804))", 355924804],
    ["toStartOfYear(toDateTime('2025-10-27 00:00:00'))", "2025-01-01 00:00:00"],
    ["toStartOfMonth(toDateTime('2025-10-27 00:00:00'))", "2025-10-01 00:00:00"],
    ["toStartOfWeek(toDateTime('2025-10-29 00:00:00'))", "2025-10-27 00:00:00"],
    ["toStartOfDay(toDateTime('2025-10-27 16:55:25'))", "2025-10-27 00:00:00"],
    ["toStartOfHour(toDateTime('2025-10-27 16:55:25'))", "2025-10-27 16:00:00"],
    ["toStartOfFifteenMinutes(toDateTime('2025-10-27 16:55:25'))", "2025-10-27 16:45:00"],
    ["toStartOfTenMinutes(toDateTime('2025-10-27 16:55:25'))", "2025-10-27 16:50:00"],
    ["toStartOfFiveMinutes(toDateTime('2025-10-27 16:55:25'))", "2025-10-27 16:55:00"],
    ["toStartOfMinute(toDateTime('2025-10-27 16:55:25'))", "2025-10-27 16:55:00"],
    ["toYYYYMM(toDateTime('2025-10-27 16:55:25'))", 202510],
    ["toStartOfInterval(toDateTime('2025-10-29 16:55:25'), INTERVAL '1' WEEK)", "2025-10-27 00:00:00"],
    ["toStartOfInterval(toDateTime('2025-10-29 16:55:25'), INTERVAL '2' MONTH)", "2025-09-01 00:00:00"],
    [
      "toStartOfInterval(toDateTime('2025-10-29 01:00:00'), INTERVAL '1' DAY, 'America/New_York')",
      "2025-10-28 04:00:00",
    ],
    ["extract(SECOND from toDateTime('2022-06-06 11:30:15'))", 15],
    ["length('Zürich')", "6"],
    ["empty('')", 1],
    ["lower('ABC')", "abc"],
    ["toUpper('abc')", "ABC"],
    ["startsWith('prefix ...', 'prefix')", 1],
    ["endsWith('prefix suffix', 'suffix')", 1],
    ["position(':' IN 'hello: world')", "6"],
    ["position('hello: world', ':')", "6"],
    ["position('x' IN 'hello')", "0"],
    ["substring('hello world', 6)", " world"],
    ["substring('hello: world', 1, position(':' IN 'hello: world')-1)", "hello"],
    ["format('a {} b {}', 1, 'x''y')", "a 1 b x'y"],
    ["intDiv(7, 2)", "3"],
    ["intDiv(7, 0)", null],
    ["log(1)", 0],
    ["pow(3, 2)", 9],
    ["round(5.5)", 6],
    ["round(3.14, 1)", 3.1],
    ["floor(3.14, 1)", 3.1],
    ["ceil(3.14, 1)", 3.2],
    ["toUInt8('42')", 42],
    ["toUInt32(3.9)", 3],
    ["bitAnd(1, 3)", 1],
    ["bitCount(7)", 3],
    ["bitHammingDistance(3, 0)", 2],
    ["bitNot(1)", 254],
    ["bitOr(1, 2)", 3],
    ["bitXor(3, 3)", 0],
    ["bitTest(2, 1)", 1],
    ["bitRotateLeft(128, 1)", 1],
    ["bitRotateRight(12, 2)", 3],
    ["bitRotateRight(1, 1)", 128],
    ["bitShiftLeft(1, 1)", 2],
    ["bitShiftLeft(128, 1)", 0],
    ["bitShiftRight(12, 2)", 3],
    ["bin(1)", "00000001"],
    ["hex(1)", "01"],
    ["hex(255 + 1)", "0100"],
    ["hex('abc')", "616263"],
    ["4.2 / 2", 2.1],
    ["1 / 0", null],
    ["7 % 4", 3],
    ["'a' LIKE 'A'", 0],
    ["'a' ILIKE 'A'", 1],
    ["true AND NOT false", 1],
    ["today() <= now()", 1],
    ["now() - INTERVAL '1' DAY < now()", 1],
  ])("%s", async (expression, expected) => {
    expect(await value(expression)).toEqual(expected);
  });
});

describe("aggregates:", () => {
  beforeEach(() => {
    const points = [
      { t: 1000, i: "a", b1: "x", d1: 5 },
      { t: 2000, i: "b", n: 10, b1: "y", d1: 7.5 },
      { t: 3000, i: "a", b1: "x", d1: -1 },
    ];
    put("00000001.open", lines(...points));
  });

  test.each([
    ["count()", "3"],
    ["count(DISTINCT blob1)", "2"],
    ["sum(_sample_interval)", "12"],
    ["sum(DISTINCT double1)", 11.5],
    ["sum(_sample_interval * double1)", 79],
    ["avg(double1)", 11.5 / 3],
    ["min(double1)", -1],
    ["max(blob1)", "y"],
    ["countIf(blob1 = 'x')", "2"],
    ["sumIf(double1, blob1 = 'x')", 4],
    ["sumIf(double1, blob1 = 'none')", 0],
    ["avgIf(double1, blob1 = 'x')", 2],
    ["argMax(blob1, double1)", "y"],
    ["argMin(timestamp, double1)", "1970-01-01 00:50:00"],
    ["first_value(double1)", 5],
    ["last_value(double1)", -1],
    ["topK(1)(blob1)", ["x"]],
    ["topK(blob1)", ["x", "y"]],
    ["topKWeighted(1)(blob1, _sample_interval)", ["y"]],
    // Of 12 points: one at -1, one at 5, ten at 7.5.
    ["quantileExactWeighted(0.1)(double1, _sample_interval)", 5],
    ["quantileExactWeighted(0.5)(double1, _sample_interval)", 7.5],
    ["quantileWeighted(0, double1, _sample_interval)", -1],
    ["quantileWeighted(1, double1, _sample_interval)", 7.5],
    ["quantileExactWeighted(0.5)(double1, 1)", 5],
  ])("%s", async (expression, expected) => {
    expect(await value(expression, "FROM ds")).toEqual(expected);
  });

  test("an alias stands before a column of its name", async () => {
    const sql =
      "SELECT toStartOfHour(timestamp) AS timestamp, count() AS n FROM ds GROUP BY timestamp ORDER BY timestamp";
    expect(await rows(sql)).toEqual([{ timestamp: "1970-01-01 00:00:00", n: "3" }]);
  });

  test("a mistake that only the engine sees is told in one line", async () => {
    await expect(ask("SELECT blob1, count() FROM ds")).rejects.toThrow(
      /^Input was invalid: Binder Error: [^\n]*blob1[^\n]*$/,
    );
    await expect(ask("SELECT sum(blob1) FROM ds")).rejects.toThrow(/^Input was invalid: Binder Error/);
  });
});

describe("rows:", () => {
  test("every column of a point, with those that were not given, and a line that is not whole", async () => {
    put("00000001.open", `${lines({ t: 1_700_000_000, b20: "é\0\t", d20: "NaN", d1: "Infinity" })}{"t":17`);
    const [row, ...more] = await rows("SELECT * FROM ds");
    expect(more).toEqual([]);
    expect(Object.keys(row ?? {})).toHaveLength(44);
    expect(row).toMatchObject({
      dataset: "ds",
      timestamp: "2023-11-14 22:13:20",
      _sample_interval: 1,
      index1: "",
      blob1: "",
      blob20: "é\0\t",
      double1: null,
      double2: 0,
      double20: null,
    });
    expect(await ask("SELECT double1, double20, blob20 FROM ds FORMAT TabSeparated")).toBe("Infinity\tNaN\té\0\\t\n");
  });

  test("a result that is too large is refused", async () => {
    put("00000001.open", lines(...Array.from({ length: 100_001 }, () => ({ t: 1 }))));
    await expect(ask("SELECT timestamp FROM ds")).rejects.toThrow(/the result is too large.*LIMIT/);
    expect(await rows("SELECT timestamp FROM ds LIMIT 99999")).toHaveLength(99_999);
  });

  test("the engine reads and writes nothing outside, whatever reaches it", async () => {
    for (const sql of [
      "select * from read_text('/etc/passwd')",
      "select * from glob('/etc/*')",
      `copy (select 1) to '${tmpdir()}/fh-evil.csv'`,
      "attach '/tmp/fh-evil.db'",
      "install httpfs",
      "load httpfs",
      "set enable_external_access = true",
      "set memory_limit = '100GB'",
    ]) {
      await expect(connection.run(sql), sql).rejects.toThrow(/disabled|locked|Permission/i);
    }
  });
});

describe("packing:", () => {
  const sum = () => value("sum(_sample_interval)", "FROM ds");
  const packAll = async () => {
    while (await packNext(connection, root, TODAY, packing)) {}
  };

  test("full segments become one file; what is being written stays", async () => {
    put("00000001.seg", lines({ t: 1, b1: "a", d1: 0.5 }, { t: 2, n: 10, i: "ü" }));
    put("00000002.seg", lines({ t: 3 }));
    put("00000003.open", lines({ t: 4 }));
    const before = await ask("SELECT * FROM ds ORDER BY timestamp");
    await packAll();
    expect(names()).toEqual(["00000001-00000002.parquet", "00000003.open"]);
    expect(await ask("SELECT * FROM ds ORDER BY timestamp")).toBe(before);
  });

  test("a crash before the segments were removed counts nothing twice, and is tidied up", async () => {
    put("00000001.seg", lines({ t: 1 }));
    await packAll();
    put("00000001.seg", lines({ t: 1 }));
    put("00000002-00000003.parquet.tmp", "half");
    expect(await sum()).toBe("1");
    await packAll();
    expect(names()).toEqual(["00000001-00000001.parquet", "00000002-00000003.parquet.tmp"]);
  });

  test("small files of a day that is over are packed together, those of today once there are eight", async () => {
    for (let id = 1; id <= 3; id++) {
      put(`0000000${id}.seg`, lines({ t: id }), { date: TODAY });
      await packNext(connection, root, TODAY, packing);
    }
    expect(names("ds", TODAY)).toHaveLength(3);
    while (await packNext(connection, root, "2026-11-29", packing)) {}
    expect(names("ds", TODAY)).toEqual(["00000001-00000003.parquet"]);
    expect(await sum()).toBe("3");
  });

  test("a query goes on when files are packed away after they were listed", async () => {
    put("00000001.seg", lines({ t: 1 }));
    const original = connection.stream.bind(connection);
    let calls = 0;
    connection.stream = async (sql: string) => {
      if (calls++ === 0) await packAll();
      return original(sql);
    };
    try {
      expect(await sum()).toBe("1");
      expect(calls).toBe(2);
    } finally {
      delete connection.stream;
    }
  });
});
