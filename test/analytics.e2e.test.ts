/** Analytics Engine: a deployed Worker writes data points, and the SQL API answers over them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { urlPrintedBy } from "./harness/platform.ts";
import { descendants } from "./harness/processes.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();

const WORKER = `export default {
  async fetch(request, env) {
    const points = await request.json();
    for (const point of points) env.WEATHER.writeDataPoint(point);
    env.OTHER_SET.writeDataPoint({ blobs: [request.headers.get("user-agent") ?? ""] });
    return new Response("OK");
  },
};`;

const points = [
  { blobs: ["Seattle", "USA"], doubles: [25, 0.5], indexes: ["customer 1"] },
  { blobs: ["Seattle", "USA"], doubles: [15, 0.7], indexes: ["customer 1"] },
  { blobs: ["Zürich", "'quoted\\ \t\n"], doubles: [-3.5], indexes: ["customer 2"] },
];

let app: Project;
let address: string;

beforeAll(() => {
  app = new Project("hello-ts");
  app.write("src/index.ts", WORKER);
});
afterAll(() => app[Symbol.dispose]());

interface Answer {
  status: number;
  type: string | null;
  text: string;
}

/** As with curl: SQL in, text out. */
async function sql(
  query: string,
  { account = platform().api.account, token = platform().api.token } = {},
): Promise<Answer> {
  const response = await fetch(`${platform().api.base}/accounts/${account}/analytics_engine/sql`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: query,
  });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
}

async function rows(query: string): Promise<unknown[]> {
  const { status, text } = await sql(query);
  expect(status, text).toBe(200);
  return JSON.parse(text).data;
}

const write = (list: unknown) => platform().fetch(address, { method: "POST", body: JSON.stringify(list) });
const services = () => platform().role("services")[0]?.pid ?? 0;

test("wrangler deploys the bindings; a dataset is there once something was written to it", async () => {
  app.configure({
    analytics_engine_datasets: [{ binding: "WEATHER", dataset: "weather-data" }, { binding: "OTHER_SET" }],
  });
  const output = await platform().wranglerOk(app.directory, ["deploy"]);
  expect(output).toContain("env.WEATHER (weather-data)");
  address = urlPrintedBy(output);
  expect(await sql("SHOW TABLES FORMAT TabSeparated")).toMatchObject({ status: 200, text: "" });
  expect((await sql("SELECT count() FROM OTHER_SET")).text).toMatch(/unable to find the dataset "OTHER_SET"/);
  expect((await write(points)).body).toBe("OK");
  await vi.waitFor(
    async () => expect(await rows(`SELECT count() AS n FROM "weather-data"`)).toEqual([{ n: "3" }]),
    20_000,
  );
  await expect
    .poll(async () => (await sql("SHOW TABLES FORMAT TabSeparated")).text)
    .toBe("OTHER_SET\tdefault\nweather-data\tdefault\n");
});

test("the original's examples, in each format", async () => {
  const average = `SELECT blob1 AS city, SUM(_sample_interval * double1) / SUM(_sample_interval) AS avg_temp
    FROM "weather-data" WHERE timestamp > NOW() - INTERVAL '1' DAY GROUP BY city ORDER BY avg_temp DESC LIMIT 10`;
  const json = await sql(average);
  expect([json.status, json.type]).toEqual([200, "application/json"]);
  expect(JSON.parse(json.text)).toEqual({
    meta: [
      { name: "city", type: "String" },
      { name: "avg_temp", type: "Float64" },
    ],
    data: [
      { city: "Seattle", avg_temp: 20 },
      { city: "Zürich", avg_temp: -3.5 },
    ],
    rows: 2,
  });
  expect(await sql(`${average} FORMAT JSONEachRow`)).toEqual({
    status: 200,
    type: "application/x-ndjson",
    text: '{"city":"Seattle","avg_temp":20}\n{"city":"Zürich","avg_temp":-3.5}\n',
  });
  const tabs = await sql(`SELECT blob2, double2, index1 FROM "weather-data" WHERE blob1 LIKE 'Z%' FORMAT TabSeparated`);
  expect(tabs).toEqual({
    status: 200,
    type: "text/tab-separated-values; charset=UTF-8",
    text: "'quoted\\\\ \\t\\n\t0\tcustomer 2\n",
  });
  const series = `SELECT intDiv(toUInt32(timestamp), 300) * 300 AS t, count() AS n FROM "weather-data" GROUP BY t ORDER BY t`;
  expect((await rows(series)).length).toBeGreaterThan(0);
  const { status, text } = await sql("SELECT CASE WHEN 1 THEN 2 END");
  expect([status, text]).toEqual([422, expect.stringMatching(/^Input was invalid: unsupported expression type: CASE/)]);
});

test("a query by GET, and by a token that may only read; not without one", async () => {
  const { base, account, token } = platform().api;
  const url = `${base}/accounts/${account}/analytics_engine/sql`;
  const query = encodeURIComponent("SELECT 'Hello Workers Analytics Engine' AS message");
  const response = await fetch(`${url}?query=${query}`, { headers: { authorization: `Bearer ${token}` } });
  expect(await response.json()).toMatchObject({ data: [{ message: "Hello Workers Analytics Engine" }], rows: 1 });
  expect((await sql("SELECT 1", { token: "wrong" })).status).toBe(401);
});

test("another account's data and the machine's files are out of reach", async () => {
  const { dataDir, api } = platform();
  // What another tenant has, beside this account's directory.
  const other = join(dataDir, "analytics", "f".repeat(32), "theirs", "2026-01-01");
  mkdirSync(other, { recursive: true });
  writeFileSync(join(other, "00000001.seg"), '{"t":1767225600,"b1":"SECRET OF ANOTHER"}\n');
  expect((await sql("SHOW TABLES", { account: "f".repeat(32) })).status).toBe(403);
  for (const query of [
    "SELECT * FROM theirs",
    `SELECT * FROM "../${"f".repeat(32)}/theirs"`,
    `SELECT * FROM "${other}/00000001.seg"`,
    `SELECT * FROM read_json('${other}/*')`,
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    `SELECT * FROM "/etc/passwd"`,
    "SELECT * FROM glob('/**')",
    "SELECT read_text('/etc/passwd')",
    "SELECT getenv('HOME')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM information_schema.tables",
    "ATTACH '/tmp/x.db'",
    "COPY (SELECT 1) TO '/data/x.csv'",
    "PRAGMA database_list",
    "INSTALL httpfs",
    "SET enable_external_access = true",
    "SELECT 1; SELECT 2",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "SELECT 1 UNION SELECT 2",
    "SELECT (SELECT 1)",
  ]) {
    const { status, text } = await sql(query);
    expect([query, status]).toEqual([query, 422]);
    expect(text).not.toMatch(/SECRET|root:/);
  }
  expect(existsSync(join(dataDir, "analytics", api.account, "x.csv"))).toBe(false);
});

test("the engine is in its own process alone", () => {
  const loaded = descendants(platform().supervisor.pid)
    .filter(({ pid }) => mapsOf(pid).includes("libduckdb"))
    .map(({ command }) => command.join(" "));
  expect(loaded.length).toBeGreaterThan(0);
  for (const command of loaded) expect(command).toContain("analytics/host/main.js");
});

/** Files that the process has in memory; nothing when it has ended. */
function mapsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/maps`, "latin1");
  } catch {
    return "";
  }
}

test("points survive the end of the services process, and segments that it left are packed", async () => {
  const counts = async () => {
    const sql = `SELECT index1, sum(_sample_interval) AS n FROM "weather-data" GROUP BY index1`;
    return new Map(((await rows(sql)) as { index1: string; n: string }[]).map(({ index1, n }) => [index1, Number(n)]));
  };
  const first = await counts();
  expect([...first.values()].reduce((sum, n) => sum + n, 0)).toBe(3);
  process.kill(services(), "SIGKILL");
  // The Worker goes on; what it writes until the process is back is lost. Some of it may be on its way still when the first is seen.
  let tries = 0;
  let before = first;
  await vi.waitFor(async () => {
    expect((await write([{ ...points[0], indexes: [`try ${++tries}`] }])).body).toBe("OK");
    before = await counts();
    expect(before.size).toBeGreaterThan(first.size);
  }, 30_000);
  // The first look after the start seals and packs what the process before had open.
  const account = join(platform().dataDir, "analytics", platform().api.account, "weather-data");
  const packed = () =>
    readdirSync(account, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".parquet"));
  await vi.waitFor(() => expect(packed()).not.toEqual([]), 30_000);
  const now = await counts();
  expect([...before.keys()].map((index) => [index, now.get(index)])).toEqual([...before]);
  expect(await rows(`SELECT blob1, double1, double20, blob20 FROM "weather-data" WHERE index1 = 'customer 2'`)).toEqual(
    [{ blob1: "Zürich", double1: -3.5, double20: 0, blob20: "" }],
  );
});
