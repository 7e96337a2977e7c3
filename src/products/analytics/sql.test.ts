/** What queries become, and which are refused: golden texts. The engine's answers are in `host.test.ts`. */
import { describe, expect, test } from "vitest";
// @ts-expect-error: plain JavaScript, without types here.
import { functionNames } from "./host/sql/functions.js";
// @ts-expect-error: the same.
import { InvalidQuery } from "./host/sql/invalid-query.js";
// @ts-expect-error: the same.
import { parse } from "./host/sql/parser.js";
// @ts-expect-error: the same.
import { write } from "./host/sql/write.js";

const surroundings = { now: "2026-11-28 06:00:00", relation: (dataset: string) => `<${dataset}>` };
const translate = (sql: string): string => write(parse(sql).select, surroundings);

test.each([
  ["SELECT 1", 'SELECT 1 AS "1"'],
  ["select Blob1 b, double1 FROM ds", /unable to find column "Blob1"\. Write blob1/],
  ["SELECT blob1 b, double1 FROM ds AS d", 'SELECT "blob1" AS "b", "double1" AS "double1" FROM <ds>'],
  ["SELECT d.blob1 FROM ds d", 'SELECT "blob1" AS "blob1" FROM <ds>'],
  ["SELECT * FROM `a-b` LIMIT 5 OFFSET 2;", "SELECT * FROM <a-b> LIMIT 5 OFFSET 2"],
  ["SELECT count() FROM ds LIMIT ALL -- all\n/* of them */", 'SELECT CAST(count(*) AS UBIGINT) AS "count()" FROM <ds>'],
  ["SELECT DISTINCT blob1 FROM ds", 'SELECT DISTINCT "blob1" AS "blob1" FROM <ds>'],
  [`SELECT 'it''s' AS "a ""b"""`, `SELECT 'it''s' AS "a ""b"""`],
  ["SELECT 1.50, .5, 1e3", 'SELECT 1.5e+0 AS "1.50", 5e-1 AS ".5", 1e+3 AS "1e3"'],
  ["SELECT -double1*2+3 % 2 FROM ds", 'SELECT (((- "double1") * 2) + (3 % 2)) AS "-double1*2+3 % 2" FROM <ds>'],
  [
    "SELECT 1 FROM ds WHERE NOT blob1 = 'a' AND blob2 NOT IN ('b', 'c') OR double1 NOT BETWEEN 1 AND 2 AND blob3 IS NOT NULL",
    `SELECT 1 AS "1" FROM <ds> WHERE (((NOT ("blob1" = 'a')) AND ("blob2" NOT IN ('b', 'c'))) OR (("double1" NOT BETWEEN 1 AND 2) AND ("blob3" IS NOT NULL)))`,
  ],
  [
    "SELECT 1 FROM ds WHERE blob1 NOT ILIKE '%x' AND blob1 == 'y' AND blob1 <> 'z'",
    `SELECT 1 AS "1" FROM <ds> WHERE ((("blob1" NOT ILIKE '%x') AND ("blob1" = 'y')) AND ("blob1" <> 'z'))`,
  ],
  [
    "SELECT blob1 AS city, SUM(double1) total FROM ds GROUP BY city HAVING total > 10 ORDER BY total DESC, city",
    'SELECT "blob1" AS "city", coalesce(sum("double1"), 0) AS "total" FROM <ds> GROUP BY 1 HAVING ("total" > 10) ORDER BY 2 DESC, 1',
  ],
  [
    "SELECT toStartOfInterval(timestamp, INTERVAL '15' MINUTE) AS timestamp FROM ds GROUP BY timestamp",
    `SELECT time_bucket(INTERVAL '15 MINUTE', "timestamp", TIMESTAMP '1970-01-01') AS "timestamp" FROM <ds> GROUP BY 1`,
  ],
  [
    "SELECT n FROM (SELECT count() AS n FROM ds GROUP BY blob1) WHERE n > 1",
    'SELECT "n" AS "n" FROM (SELECT CAST(count(*) AS UBIGINT) AS "n" FROM <ds> GROUP BY "blob1") WHERE ("n" > 1)',
  ],
  [
    "SELECT 1 FROM ds WHERE timestamp > NOW() - INTERVAL '1' DAY AND timestamp < 1700000000 AND timestamp >= '2026-01-01'",
    `SELECT 1 AS "1" FROM <ds> WHERE ((("timestamp" > (TIMESTAMP '2026-11-28 06:00:00' - INTERVAL '1 DAY')) AND ("timestamp" < fh_datetime(1700000000))) AND ("timestamp" >= fh_datetime('2026-01-01')))`,
  ],
  [
    "SELECT timestamp - 60, now() - timestamp FROM ds",
    `SELECT ("timestamp" - to_seconds(CAST(60 AS BIGINT))) AS "timestamp - 60", CAST(epoch(TIMESTAMP '2026-11-28 06:00:00' - "timestamp") AS BIGINT) AS "now() - timestamp" FROM <ds>`,
  ],
  [
    "SELECT if(double1 <= 0, 'FREEZING', 'NOT') AS d, sumIf(double1, blob1 = 'x') AS s FROM ds",
    `SELECT CASE WHEN ("double1" <= 0) THEN 'FREEZING' ELSE 'NOT' END AS "d", coalesce(sum("double1") FILTER (WHERE ("blob1" = 'x')), 0) AS "s" FROM <ds>`,
  ],
  [
    "SELECT intDiv(toUInt32(timestamp), 300) * 300 AS t FROM ds",
    'SELECT (TRY_CAST(trunc(CAST(CAST(trunc(epoch("timestamp")) AS BIGINT) & 4294967295 AS UINTEGER) / 300) AS BIGINT) * 300) AS "t" FROM <ds>',
  ],
])("%s", (sql, expected) => {
  if (typeof expected === "string") expect(translate(sql)).toBe(expected);
  else expect(() => translate(sql)).toThrow(expected);
});

test.each([
  ["SHOW TABLES", { kind: "show", what: "TABLES", format: "JSON" }],
  ["show timezones format TabSeparated", { kind: "show", what: "TIMEZONES", format: "TabSeparated" }],
  ["SHOW TIMEZONE;", { kind: "show", what: "TIMEZONE", format: "JSON" }],
])("%s", (sql, expected) => {
  expect(parse(sql)).toEqual(expected);
});

describe("refused:", () => {
  test.each([
    ["", /begins with SELECT or SHOW, not with the end of the query/],
    ["INSERT INTO ds VALUES (1)", /not with "INSERT"\. Data is written by Workers alone/],
    ["WITH a AS (SELECT 1) SELECT * FROM a", /begins with SELECT/],
    ["ATTACH 'x'", /begins with SELECT/],
    ["COPY (SELECT 1) TO 'x'", /begins with SELECT/],
    ["PRAGMA version", /begins with SELECT/],
    ["SELECT 1; SELECT 2", /something after the semicolon/],
    ["SELECT 1 FORMAT CSV", /the format "CSV" is not known/],
    ["SELECT 1 FORMAT JSON LIMIT 1", /"LIMIT" stands where the end of the query is expected/],
    ["SELECT 'a", /does not end/],
    ["SELECT $1", /"\$1" cannot be read/],
    ["SELECT a::int", /cannot be read/],
    ["SELECT [1]", /cannot be read/],
    ["SELECT {a: 1}", /cannot be read/],
    ["SELECT ?", /cannot be read/],
    ["SELECT * FROM a, b", /one table or subquery/],
    ["SELECT * FROM a JOIN b", /JOIN is not supported/],
    ["SELECT * FROM a LEFT JOIN b", /JOIN is not supported/],
    ["SELECT 1 UNION SELECT 2", /UNION is not supported/],
    ["SELECT * FROM read_csv('/etc/passwd')", /read_csv\(\) is no table/],
    ["SELECT * FROM 'file.csv'", /where the name of a dataset is expected/],
    ["SELECT * FROM main.ds", /no schema/],
    ["SELECT * FROM (read_text('/x'))", /where SELECT is expected/],
    ["SELECT (SELECT 1)", /a subquery may stand after FROM only/],
    ["SELECT 1 FROM ds WHERE blob1 IN (SELECT 1)", /IN takes a list of values/],
    ["SELECT getenv('HOME')", /unknown function "getenv"/],
    ["SELECT fh_datetime(1)", /unknown function "fh_datetime"/],
    ["SELECT constructor(1)", /unknown function "constructor"/],
    ["SELECT CASE WHEN 1 THEN 2 END", /^Input was invalid: unsupported expression type: CASE/],
    ["SELECT CAST(1 AS String)", /unsupported expression type: CAST/],
    ["SELECT count(blob1) FROM ds", /write count\(\) or count\(DISTINCT column\)/],
    ["SELECT lower(DISTINCT blob1) FROM ds", /takes no DISTINCT/],
    ["SELECT sum(1)(2)", /one pair of parentheses/],
    ["SELECT if(1, 2)", /if\(\) takes 3 arguments, not 2/],
    ["SELECT quantileExactWeighted(2)(double1, _sample_interval) FROM ds", /from 0 to 1/],
    ["SELECT quantileExactWeighted(double1)(double1, double2) FROM ds", /takes a number as it is/],
    ["SELECT topK(5000)(blob1) FROM ds", /from 1 to 1000/],
    ["SELECT INTERVAL '1.5' DAY", /whole number/],
    ["SELECT INTERVAL '1' FORTNIGHT", /one of the units/],
    ["SELECT toStartOfInterval(timestamp, 60) FROM ds", /takes an interval/],
    ["SELECT formatDateTime(now(), blob1) FROM ds", /takes its format as a text/],
    ["SELECT formatDateTime(now(), '%q')", /does not know %q/],
    ["SELECT format('{x}', 1)", /no other braces/],
    ["SELECT format('{}', 1, 2)", /1 places for 2 values/],
    ["SELECT nothing FROM ds", /unable to find column "nothing"/],
    ["SELECT *", /nothing to select/],
    ["SELECT 1 LIMIT 1.5", /LIMIT takes a whole number/],
    ["SELECT 1 FROM ds GROUP BY 1", /not numbers of columns/],
    [`SELECT ${"(".repeat(200)}1${")".repeat(200)}`, /nested too deeply/],
    [`SELECT ${"- ".repeat(200)}1`, /nested too deeply/],
    [`SELECT ${"1,".repeat(30_000)}1`, /too long/],
  ])("%s", (sql, message) => {
    expect(() => translate(sql)).toThrow(message);
    expect(() => translate(sql)).toThrow(InvalidQuery);
  });
});

test("every function of the original's reference is known", () => {
  const documented =
    "count sum avg min max quantileExactWeighted quantileWeighted argMax argMin first_value last_value topK topKWeighted countIf sumIf avgIf " +
    "bitAnd bitCount bitHammingDistance bitNot bitOr bitRotateLeft bitRotateRight bitShiftLeft bitShiftRight bitTest bitXor if " +
    "formatDateTime now today toDateTime toYear toMonth toDayOfMonth toDayOfWeek toHour toMinute toSecond toUnixTimestamp " +
    "toStartOfInterval toStartOfYear toStartOfMonth toStartOfWeek toStartOfDay toStartOfHour toStartOfFifteenMinutes " +
    "toStartOfTenMinutes toStartOfFiveMinutes toStartOfMinute toYYYYMM bin hex intDiv log ln pow round floor ceil " +
    "length empty lower lowerUTF8 toLower upper upperUTF8 toUpper startsWith endsWith position substring format extract toUInt8 toUInt32";
  const known = new Set(functionNames());
  expect(documented.split(" ").filter((name) => !known.has(name.toLowerCase()))).toEqual([]);
});
