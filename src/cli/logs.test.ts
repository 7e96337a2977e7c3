import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { type LogEvent, logLines } from "./log-lines.ts";
import { runCommand } from "./main.ts";
import { dataDirectory, recordingIo } from "./testing.ts";

type Asked = { timeframe: { from: number; to: number } } & Record<string, unknown>;

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const at = new Date(2026, 10, 28, 12, 34, 56, 7).getTime();
const event = (metadata: object, source: unknown = {}, workers: object = {}): LogEvent => ({
  timestamp: at,
  source,
  $metadata: { id: "1", type: "cf-worker", level: "log", message: "m", service: "shop", ...metadata },
  $workers: workers,
});
const request = event(
  { type: "cf-worker-event", level: "info", message: "GET http://shop/", statusCode: 200 },
  { level: "info", message: "GET http://shop/" },
  { outcome: "ok", wallTimeMs: 12 },
);
const warning = event({ level: "warn", message: "slow" }, { message: "slow", ms: 5 });

/** A platform with these events, newest first, and what was asked of it. */
async function platform(events: LogEvent[], count = events.length) {
  const asked: { path: string; body: Asked }[] = [];
  const server = createServer(async (incoming, response) => {
    asked.push({ path: incoming.url ?? "", body: (await json(incoming)) as Asked });
    response.end(JSON.stringify({ success: true, result: { events: { events, count } } }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { asked, io: recordingIo({ FREEHOLD_DATA: dataDirectory(`http://127.0.0.1:${port}/client/v4`) }) };
}

test("logs are printed oldest first, and what was left out is said", async () => {
  const { asked, io } = await platform([warning, request], 7);
  const args = ["shop", "--since", "15m", "--search", "user 7", "--errors", "--limit", "2"];
  expect(await runCommand("logs", args, io)).toBe(0);
  expect(io.stdout).toEqual([
    "12:34:56.007  event  GET http://shop/  200  12 ms",
    '12:34:56.007  warn   slow  {"ms":5}',
  ]);
  expect(io.stderr.join()).toMatch(/newest 2 of 7/);
  const { from, to } = asked[0]?.body.timeframe ?? { from: 0, to: 0 };
  expect(to - from).toBe(900_000);
  expect(asked[0]?.path).toMatch(/\/workers\/observability\/telemetry\/query$/);
  expect(asked[0]?.body).toMatchObject({
    view: "events",
    limit: 2,
    parameters: {
      filters: [
        { key: "$metadata.service", operation: "eq", value: "shop" },
        { key: "$metadata.level", operation: "eq", value: "error" },
      ],
      needle: { value: "user 7" },
    },
  });
});

test("of a Pages project, as JSON; of everything, with the names", async () => {
  const { asked, io } = await platform([warning]);
  await runCommand("logs", ["--pages", "site", "--json"], io);
  expect(asked[0]?.body).toMatchObject({ parameters: { filters: [{ value: "pages-worker--site" }] } });
  await runCommand("logs", [], io);
  expect(asked[1]?.body).toMatchObject({ parameters: { filters: [] } });
  expect(io.stdout).toEqual([JSON.stringify(warning), '12:34:56.007  warn   shop  slow  {"ms":5}']);
});

test("when there are none it says what may be missing", async () => {
  const { io } = await platform([]);
  expect(await runCommand("logs", ["shop"], io)).toBe(0);
  expect(io.stderr.join()).toMatch(/Nothing is stored of shop.*observability/);
});

test.each([
  [["a", "b"], "Too many arguments"],
  [["a", "--pages", "b"], "not both"],
  [["a", "--since", "soon"], "such as 15m"],
  [["a", "--limit", "0"], "from 1 to 2000"],
])("%j is refused with the usage", async (args, message) => {
  const { io } = await platform([]);
  expect(await runCommand("logs", args, io)).toBe(2);
  expect(io.stderr.join()).toContain(message);
});

test("a stack stands below its message, and a terminal obeys nothing", () => {
  const source = { level: "error", message: "Error: x", stack: "Error: x\n    at f (index.js:1:2)" };
  const style = { colours: false, services: false };
  expect(logLines(event({ level: "error", message: "Error: x" }, source), style)).toEqual([
    "12:34:56.007  error  Error: x",
    "                  at f (index.js:1:2)",
  ]);
  const frames = { ...source, stack: "    at g (index.js:3:4)\n    at f (index.js:1:2)" };
  expect(logLines(event({ level: "error", message: "Error: x" }, frames), style)).toEqual([
    "12:34:56.007  error  Error: x",
    "                  at g (index.js:3:4)",
    "                  at f (index.js:1:2)",
  ]);
  expect(logLines(event({ message: "a\u001b[2Jb\u0007" }), style)).toEqual(["12:34:56.007  log    a�[2Jb�"]);
  expect(logLines(event({ level: "error" }), { colours: true, services: false })[0]).toContain(
    "\u001b[31merror\u001b[0m",
  );
});
