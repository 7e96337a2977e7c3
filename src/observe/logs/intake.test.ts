/** Which invocations are stored, and what becomes of too many. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ObservedScript, TraceItem } from "../../domain/trace.ts";
import type { StoredEvent } from "./host/columns.ts";
import { LogIntake } from "./intake.ts";
import { MAX_WRITTEN_CHARS, NOTICE_DELAY_MS, SCRIPT_BURST_BYTES } from "./limits.ts";

const ACCOUNT = "a".repeat(32);
const source = { accountId: ACCOUNT, script: "w", versionId: "v1", versionTag: "" };

let root: string;
let stored: ObservedScript["stored"];
let logged: string[];
let intake: LogIntake;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  root = mkdtempSync(join(tmpdir(), "fh-log-intake-"));
  stored = { headSamplingRate: 1, invocationLogs: true };
  logged = [];
  intake = new LogIntake({ root, settings: () => stored, sealed: () => {}, log: (line) => logged.push(line) });
});
afterEach(async () => {
  vi.useRealTimers();
  await intake.close();
  rmSync(root, { recursive: true, force: true });
});

const item = (parts: Partial<TraceItem> = {}): TraceItem => ({
  ...{ eventTimestamp: Date.now(), outcome: "ok", event: { cron: "* * * * *", scheduledTime: 1 }, logs: [] },
  ...{ exceptions: [], diagnosticsChannelEvents: [], executionModel: "stateless", truncated: false },
  ...{ cpuTime: 0, wallTime: 1 },
  ...parts,
});
const says = (text: string) => item({ logs: [{ level: "log", message: [text], timestamp: Date.now() }] });

function events(): StoredEvent[] {
  intake.writer.flush();
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".open"));
  return files.flatMap((name) =>
    readFileSync(join(root, name), "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  );
}

test("a script without the setting stores nothing, and nobody is told of what it lost", () => {
  stored = undefined;
  intake.take(source, [says("x")]);
  intake.dropped(source, 5);
  vi.advanceTimersByTime(NOTICE_DELAY_MS);
  expect([events(), logged]).toEqual([[], []]);
});

test("without invocation logs only what was logged is stored", () => {
  stored = { headSamplingRate: 1, invocationLogs: false };
  intake.take(source, [says("x"), item()]);
  expect(events().map(({ type, message }) => [type, message])).toEqual([["cf-worker", "x"]]);
});

test("an invocation is sampled with all its events, which stand for others", () => {
  stored = { headSamplingRate: 0.25, invocationLogs: true };
  const random = vi.spyOn(Math, "random");
  for (const value of [0.1, 0.3, 0.9]) {
    random.mockReturnValueOnce(value);
    intake.take(source, [says(`at ${value}`)]);
  }
  random.mockRestore();
  expect(events().map(({ message, n }) => [message, n])).toEqual([
    ["* * * * *", 4],
    ["at 0.1", 4],
  ]);
});

test("a rate of 0 stores nothing", () => {
  stored = { headSamplingRate: 0, invocationLogs: true };
  intake.take(source, [says("x")]);
  expect(events()).toEqual([]);
});

test("a flood is cut, said among the logs and to the operator, and does not reach other scripts", () => {
  const large = "x".repeat(100_000);
  const count = Math.ceil((2 * SCRIPT_BURST_BYTES) / (2 * large.length));
  for (let n = 0; n < count; n++) {
    intake.take(source, [says(large)]);
    if (n % 20 === 0) intake.writer.flush();
  }
  intake.take({ ...source, script: "other" }, [says("fine")]);
  const messages = events();
  expect(messages.length).toBeLessThan(count * 1.5);
  expect(messages.at(-1)?.message).toBe("fine");
  expect(logged).toEqual([expect.stringMatching(/^logs of a{32}\/w are dropped: they come faster/)]);
  vi.advanceTimersByTime(NOTICE_DELAY_MS);
  const notice = events().at(-1);
  expect(notice).toMatchObject({ type: "freehold-notice", level: "warn", service: "w" });
  const lost = JSON.parse(notice?.source ?? "{}").droppedInvocations;
  expect(lost + messages.filter(({ type, service }) => type === "cf-worker" && service === "w").length).toBe(count);
  // With time there is room again.
  vi.advanceTimersByTime(10_000);
  intake.take(source, [says("again")]);
  expect(events().at(-1)?.message).toBe("again");
});

test("few logs of a request with a long URL do not become many bytes", () => {
  const url = `http://w.example/${"a/".repeat(4000)}?q=${"b.".repeat(4000)}`;
  const log = { level: "log" as const, message: ["x"], timestamp: Date.now() };
  intake.take(source, [item({ event: { request: { url, method: "GET", headers: {} } }, logs: Array(3000).fill(log) })]);
  const [own, ...others] = events();
  expect(others.length).toBeGreaterThan(50);
  expect(others.reduce((sum, event) => sum + JSON.stringify(event).length, 0)).toBeLessThan(2 * MAX_WRITTEN_CHARS);
  expect(JSON.parse(own?.workers ?? "{}").truncated).toBe(true);
});

test("ids sort as times do, and as they were made where these are the same", () => {
  intake.take(source, [says("1"), says("2"), item({ eventTimestamp: Date.now() - 1000 })]);
  const ids = events().map(({ id }) => id);
  expect(ids.toSorted()).toEqual([ids[4], ...ids.slice(0, 4)]);
});

test.each<[string, Partial<TraceItem>, string, string]>([
  [
    "a request",
    { event: { request: { method: "GET", url: "http://x/a?b", headers: {} } } },
    "fetch",
    "GET http://x/a?b",
  ],
  ["a cron trigger", { event: { cron: "*/5 * * * *", scheduledTime: 1 } }, "scheduled", "*/5 * * * *"],
  ["an alarm", { event: { scheduledTime: "2026-11-28T12:00:00.000Z" } }, "alarm", "2026-11-28T12:00:00.000Z"],
  ["a batch", { event: { queue: "orders", batchSize: 2 } }, "queue", "orders"],
  ["an email", { event: { mailFrom: "a@x", rcptTo: "b@x", rawSize: 1 } }, "email", "b@x"],
  ["a call", { event: { rpcMethod: "add" } }, "rpc", "add"],
  ["a Tail Worker", { event: { consumedEvents: [] } }, "tail", "tail"],
  ["a WebSocket", { event: { getWebSocketEvent: { webSocketEventType: "message" } } }, "websocket", "message"],
  ["what is not known", { event: null, entrypoint: "Room" }, "unknown", "Room"],
])("the record of %s", (_name, parts, origin, message) => {
  intake.take(source, [item(parts)]);
  expect(events()).toMatchObject([{ type: "cf-worker-event", origin, message }]);
});

test.each<[string, unknown[], Partial<StoredEvent>, unknown]>([
  ["a text", ["x"], { message: "x", level: "log" }, { level: "log", message: "x" }],
  ["several values", ["x", 1, null, { a: [1] }], { message: 'x 1 null {"a":[1]}' }, expect.anything()],
  [
    "an object with a message",
    [{ message: "m", level: "WARN", n: 1 }],
    { message: "m", level: "warn" },
    { message: "m", level: "WARN", n: 1 },
  ],
  ["an object in JSON", ['{"msg":"m","error":"e"}'], { message: "m", error: "e" }, { msg: "m", error: "e" }],
  ["what only begins like JSON", ["{x"], { message: "{x" }, { level: "log", message: "{x" }],
  ["nothing", [], { message: "" }, { level: "log", message: "" }],
])("what is logged as %s", (_name, message, expected, fields) => {
  intake.take(source, [item({ logs: [{ level: "log", message, timestamp: 5 }] })]);
  const [, event] = events();
  expect(event).toMatchObject({ t: 5, ...expected });
  expect(JSON.parse(event?.source ?? "")).toEqual(fields);
});
