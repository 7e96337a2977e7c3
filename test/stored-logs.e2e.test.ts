/** Stored logs: a Worker deployed by the real client is asked about with the official SDK, and from a terminal. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import Cloudflare from "cloudflare";
import type { TelemetryQueryParams, TelemetryQueryResponse } from "cloudflare/resources/workers/observability";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { runCommand } from "../src/cli/main.ts";
import { Project } from "./harness/project.ts";
import { RawWebSocket } from "./harness/raw-socket.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();

const WORKER = `export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/throws") throw new TypeError("on purpose");
    if (url.pathname === "/many") for (let i = 0; i < 50; i++) console.log({ message: "item", i, even: i % 2 === 0 });
    if (url.pathname === "/user") {
      console.log("plain", { text: 1 });
      console.warn({ message: "slow query", user: { id: 7, name: "Zoë" }, ms: 1234.5 });
      console.error(new Error("caught"));
    }
    return new Response("ok", { status: url.pathname === "/missing" ? 404 : 200 });
  },
  scheduled() { console.log("tick"); },
};`;

let app: Project;
let address: string;

beforeAll(async () => {
  app = new Project("hello-ts");
  app.write("src/index.ts", WORKER);
  app.configure({ observability: { enabled: true, traces: { enabled: false } } });
  await platform().wranglerOk(app.directory, ["deploy"]);
  address = `http://hello.dev.localhost:${platform().port}`;
  const headers = { authorization: "Bearer hush-hush", "user-agent": "e2e" };
  for (const path of ["/user?q=1", "/missing", "/throws", "/many"]) {
    await platform().fetch(`${address}${path}`, { headers });
  }
  await vi.waitFor(async () => expect((await query({ view: "events" })).events?.count).toBe(58), 30_000);
});
afterAll(() => app[Symbol.dispose]());

const sdk = () =>
  new Cloudflare({
    apiToken: platform().clientEnv.CLOUDFLARE_API_TOKEN ?? "",
    baseURL: platform().clientEnv.CLOUDFLARE_API_BASE_URL ?? "",
  });
const account = () => ({ account_id: platform().api.account });
const timeframe = () => ({ from: Date.now() - 600_000, to: Date.now() + 1000 });
const telemetry = () => sdk().workers.observability.telemetry;
const query = (params: Omit<TelemetryQueryParams, "account_id" | "queryId" | "timeframe">) =>
  telemetry().query({ ...account(), queryId: "e2e", timeframe: timeframe(), ...params });
type Filters = NonNullable<TelemetryQueryParams.Parameters["filters"]>;
const leaf = (key: string, operation: "eq" | "gt" | "regex", value: string | number): Filters[number] => ({
  ...{ key, operation, value },
  type: typeof value === "number" ? "number" : "string",
});
const messages = ({ events }: TelemetryQueryResponse) => events?.events?.map(({ $metadata }) => $metadata.message);

describe("stored logs of a Worker", () => {
  test("an invocation has its record, what it logged and what it threw", async () => {
    const user = await query({
      view: "events",
      parameters: { filters: [leaf("$metadata.trigger", "eq", "GET /user")] },
    });
    const { events = [] } = user.events ?? {};
    expect(events.map(({ $metadata: { level, type, message } }) => [type, level, message])).toEqual([
      ["cf-worker", "error", expect.stringMatching(/^Error: caught/)],
      ["cf-worker", "warn", "slow query"],
      ["cf-worker", "log", 'plain {"text":1}'],
      ["cf-worker-event", "info", `GET ${address}/user?q=1`],
    ]);
    expect(events[1]?.source).toEqual({ message: "slow query", user: { id: 7, name: "Zoë" }, ms: 1234.5 });
    expect(new Set(events.map(({ $metadata }) => $metadata.requestId)).size).toBe(1);
    expect(events[3]).toMatchObject({
      dataset: "cloudflare-workers",
      $metadata: { service: "hello", statusCode: 200, origin: "fetch", account: platform().api.account },
      $workers: {
        ...{ scriptName: "hello", eventType: "fetch", outcome: "ok", executionModel: "stateless" },
        scriptVersion: { id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
        wallTimeMs: expect.any(Number),
        // What identifies people and what they hold is not kept.
        event: {
          request: { path: "/user", search: { q: "1" }, headers: { "user-agent": "e2e", authorization: "REDACTED" } },
          response: { status: 200 },
        },
      },
    });
    const thrown = await query({
      view: "events",
      parameters: { filters: [leaf("$workers.outcome", "eq", "exception")] },
    });
    expect(messages(thrown)).toEqual(["TypeError: on purpose", `GET ${address}/throws`]);
    expect(JSON.stringify(thrown)).not.toContain("hush-hush");
  });

  test("fields of objects are found by filters, all else by text", async () => {
    const found = async (...filters: Filters) =>
      messages(await query({ view: "events", parameters: { filters }, limit: 100 }));
    expect(await found(leaf("user.name", "eq", "Zoë"))).toEqual(["slow query"]);
    expect(await found(leaf("ms", "gt", 1000))).toEqual(["slow query"]);
    expect(await found(leaf("$workers.event.response.status", "eq", 404))).toEqual([`GET ${address}/missing`]);
    expect(await found(leaf("i", "gt", 47), leaf("message", "regex", "^it.m$"))).toEqual(["item", "item"]);
    const text = await query({ view: "events", parameters: { needle: { value: "ON PURPOSE" } } });
    expect(messages(text)).toEqual(["TypeError: on purpose", `GET ${address}/throws`]);
  });

  test("calculations, in groups and over time", async () => {
    const { calculations = [] } = await query({
      view: "calculations",
      parameters: {
        calculations: [
          { operator: "count", alias: "events" },
          { operator: "p90", key: "i", keyType: "number" },
        ],
        groupBys: [{ type: "string", value: "$metadata.trigger" }],
        orderBy: { value: "events", order: "desc" },
      },
    });
    const [events, p90] = calculations;
    expect(events?.aggregates.map(({ value, groups }) => [groups?.[0]?.value, value])).toEqual([
      ["GET /many", 51],
      ["GET /user", 4],
      ["GET /throws", 2],
      ["GET /missing", 1],
    ]);
    expect(events?.series.flatMap(({ data }) => data.map(({ value }) => value)).reduce((a, b) => a + b, 0)).toBe(58);
    expect(p90?.aggregates.map(({ value }) => value)).toEqual([44.1]);
  });

  test("invocations come whole, pages follow each other, keys and values are listed", async () => {
    const { invocations = {} } = await query({
      view: "invocations",
      parameters: { filters: [leaf("$metadata.level", "eq", "error")] },
    });
    expect(Object.values(invocations).map((events) => events.length)).toEqual([2, 4]);
    const first = await query({ view: "events", limit: 40 });
    const offset = first.events?.events?.at(-1)?.$metadata.id ?? "";
    const rest = await query({ view: "events", limit: 40, offset });
    expect(rest.events?.events).toHaveLength(18);
    const keys: string[] = [];
    for await (const { key, type } of telemetry().keys(account())) keys.push(`${key}: ${type}`);
    expect(keys).toEqual(expect.arrayContaining(["user.id: number", "even: boolean", "$metadata.message: string"]));
    const values: unknown[] = [];
    const asked = {
      ...account(),
      datasets: [],
      key: "$metadata.level",
      type: "string" as const,
      timeframe: timeframe(),
    };
    for await (const { value } of telemetry().values(asked)) values.push(value);
    expect(values.toSorted()).toEqual(["error", "info", "log", "warn"]);
  });

  test("what is not there, or cannot be asked, is said", async () => {
    const refusal = (params: object) => query(params as never).then(String, (error: Error) => error.message);
    expect(await refusal({ view: "traces", parameters: {} })).toMatch(
      /400.*traces.*events, invocations or calculations/s,
    );
    expect(await refusal({})).toMatch(/400.*saves no queries/s);
    const pattern = { filters: [leaf("message", "regex", "(")] };
    expect(await refusal({ view: "events", parameters: pattern })).toMatch(/400.*cannot be answered.*missing \)/s);
    const operation = { filters: [{ key: "a", operation: "near", type: "string" }] };
    expect(await refusal({ view: "events", parameters: operation })).toMatch(/400.*there is no operation \\?"near/s);
    const others = sdk().workers.observability.telemetry.query({
      ...{ account_id: "f".repeat(32), queryId: "x", timeframe: timeframe(), view: "events", parameters: {} },
    });
    await expect(others).rejects.toThrow(/403/);
  });
});

test("stored logs are kept when services is killed, and packed afterwards", async () => {
  process.kill(platform().role("services")[0]?.pid ?? 0, "SIGKILL");
  await vi.waitFor(async () => expect((await query({ view: "events" })).events?.count).toBe(58), 30_000);
  const files = () =>
    readdirSync(join(platform().dataDir, "logs"), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".parquet"),
    );
  await vi.waitFor(() => expect(files()).not.toEqual([]), 30_000);
  expect((await query({ view: "events" })).events?.count).toBe(58);
  // The runner reports to the new one.
  await platform().fetch(`${address}/after`);
  const filters = [leaf("$metadata.trigger", "eq", "GET /after")];
  await vi.waitFor(
    async () => expect(messages(await query({ view: "events", parameters: { filters } }))).toHaveLength(1),
    30_000,
  );
});

test("a Worker whose logs are off, or sampled away, stores nothing", async () => {
  const settings = (observability: object) =>
    platform().api.send("PATCH", "/workers/scripts/hello/script-settings", { observability });
  await settings({ enabled: true, head_sampling_rate: 0 });
  // Live logs show when it has been reported, which is when the settings count.
  const session = (await platform().api.send("POST", "/workers/scripts/hello/tails", { filters: [] })) as {
    url: string;
  };
  const { hostname, pathname } = new URL(session.url);
  const live = await RawWebSocket.open(platform().port, hostname, pathname, { "Sec-WebSocket-Protocol": "trace-v1" });
  await platform().fetch(`${address}/sampled-away`);
  while (!(await live.next())?.payload.includes("/sampled-away"));
  live.socket.destroy();
  await settings({ enabled: true, logs: { enabled: true, invocation_logs: false } });
  await platform().fetch(`${address}/user?only=logs`);
  const of = async (path: string) =>
    messages(await query({ view: "events", parameters: { needle: { value: path } } })) ?? [];
  await vi.waitFor(async () => expect(await of("only=logs")).toHaveLength(3), 30_000);
  expect(await of("sampled-away")).toEqual([]);
});

test("stored logs of a Pages project, which a terminal shows as well", async () => {
  const site = new Project("pages-site");
  try {
    const observability = { enabled: true };
    await platform().api.send("POST", "/pages/projects", { name: "site", production_branch: "main", observability });
    site.write(
      "site/_worker.js",
      `export default {
        fetch(request, env) {
          if (!new URL(request.url).pathname.startsWith("/api")) return env.ASSETS.fetch(request);
          console.warn({ message: "a call", branch: env.CF_PAGES_BRANCH });
          throw new RangeError("out of it");
        },
      };`,
    );
    const deploy = ["pages", "deploy", "site", "--project-name=site", "--branch=main"];
    await platform().wranglerOk(site.directory, deploy);
    await platform().fetch(`http://site.pages.localhost:${platform().port}/api/thing`);
    const filters = [leaf("$metadata.service", "eq", "pages-worker--site")];
    const stored = () => query({ view: "events", parameters: { filters } });
    await vi.waitFor(async () => expect((await stored()).events?.count).toBe(3), 30_000);
    expect(messages(await stored())).toEqual([
      "RangeError: out of it",
      "a call",
      `GET http://site.pages.localhost:${platform().port}/api/thing`,
    ]);
    // Below the last one the stack may follow.
    expect((await freehold("logs", "--pages", "site")).slice(0, 3)).toEqual([
      expect.stringMatching(/event {2}GET http:.*\/api\/thing {2}.*exception/),
      expect.stringMatching(/warn {3}a call {2}\{"branch":"main"\}$/),
      expect.stringMatching(/error {2}RangeError: out of it$/),
    ]);
    const [first] = await freehold("logs", "hello", "--search", "zoë", "--json");
    expect(JSON.parse(first ?? "")).toMatchObject({
      source: { message: "slow query" },
      $metadata: { service: "hello" },
    });
  } finally {
    site[Symbol.dispose]();
  }
});

/** Lines that `freehold …` prints on this platform. */
async function freehold(name: string, ...args: string[]): Promise<string[]> {
  const lines: string[] = [];
  const io = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
  const env = { PATH: process.env.PATH, FREEHOLD_DATA: platform().dataDir };
  expect(await runCommand(name, args, { ...io, env })).toBe(0);
  return lines;
}
