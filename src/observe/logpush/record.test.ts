import { expect, test } from "vitest";
import type { TraceItem } from "../../domain/trace.ts";
import { recordOf } from "./record.ts";

const source = { accountId: "a", script: "w", versionId: "v", versionTag: "t" };

const item = (fields: Partial<TraceItem> = {}): TraceItem => ({
  eventTimestamp: 1000,
  outcome: "ok",
  event: null,
  logs: [],
  exceptions: [],
  diagnosticsChannelEvents: [],
  executionModel: "stateless",
  truncated: false,
  cpuTime: 1.4,
  wallTime: 2.6,
  ...fields,
});

const log = (message: unknown[]) => ({ level: "log" as const, message, timestamp: 7 });

test("a record has every field", () => {
  const event = {
    request: { url: "https://x/", method: "GET", headers: { "cf-ray": "r", cookie: "REDACTED" }, cf: {} },
    response: { status: 200 },
  };
  const exceptions = [{ name: "Error", message: "m", stack: "at x", timestamp: 8 }];
  expect(recordOf(source, item({ event, logs: [log(["a", { b: 1 }])], exceptions, entrypoint: "E" }), ["red"])).toEqual(
    {
      CPUTimeMs: 1,
      DispatchNamespace: "",
      Entrypoint: "E",
      Event: { RayID: "r", Request: { URL: "https://x/", Method: "GET" }, Response: { Status: 200 } },
      EventTimestampMs: 1000,
      EventType: "fetch",
      Exceptions: [{ Name: "Error", Message: "m", TimestampMs: 8, Stack: "at x" }],
      Logs: [{ Level: "log", Message: ["a", '{"b":1}'], TimestampMs: 7 }],
      Outcome: "ok",
      ScriptName: "w",
      ScriptTags: ["red"],
      ScriptVersion: { id: "v", message: "", tag: "t" },
      WallTimeMs: 3,
    },
  );
});

test.each([
  [{ cron: "* * * * *", scheduledTime: 5 }, "scheduled", { Cron: "* * * * *", ScheduledTimeMs: 5 }],
  [{ scheduledTime: "1970-01-01T00:00:01.000Z" }, "alarm", { ScheduledTimeMs: 1000 }],
  [{ queue: "q", batchSize: 2 }, "queue", { Queue: "q", BatchSize: 2 }],
  [{ rpcMethod: "add" }, "worker_rpc", { RPCMethod: "add" }],
  [
    { getWebSocketEvent: { webSocketEventType: "message" } },
    "hibernatable_web_socket",
    { WebSocketEventType: "message" },
  ],
  [{ consumedEvents: [] }, "tail", {}],
  [null, "unknown", {}],
])("the event %j is a %s", (event, type, shown) => {
  expect(recordOf(source, item({ event }), [])).toMatchObject({ EventType: type, Event: shown });
});

test("exceptions and logs have 16,384 characters together: names, messages, logs", () => {
  const exceptions = [
    { name: "N".repeat(384), message: "m".repeat(6000), timestamp: 1 },
    { name: "O", message: "m".repeat(5999), stack: "never fits", timestamp: 1 },
  ];
  const logs = [log(["l".repeat(3000)]), log(["x".repeat(2000), "y"]), log(["z"])];
  const { Exceptions, Logs } = recordOf(source, item({ exceptions, logs }), []);
  expect(Exceptions).toMatchObject([{ Name: "N".repeat(384) }, { Name: "O", Message: "m".repeat(5999) }]);
  expect(Exceptions).not.toMatchObject([{}, { Stack: expect.anything() }]);
  expect(Logs).toMatchObject([
    { Message: ["l".repeat(3000)] },
    { Message: [`${"x".repeat(1000)}<<<Logpush: *log message* truncated>>>`] },
  ]);
});
