import { expect, test } from "vitest";
import { UNREDACTED } from "../domain/trace.ts";
import { alarmItem, exceededItem } from "./exceeded.ts";
import { redactedUrl, redactedValue } from "./redact.ts";

const HEX = "0123456789abcdef0123456789abcdef";
const lines = (...fields: string[]) =>
  `${[`POST /a?token=${HEX} HTTP/1.1`, "Host: w.dev.localhost", ...fields].join("\r\n")}\r\n\r\n`;

const CPU = { instanceId: "i", versionId: "v", cause: "cpu" } as const;
const MEMORY = { ...CPU, cause: "memory" } as const;

test.each([
  [{ cron: "* * * * *", scheduledTime: 60_000 }],
  [{ queue: "orders", batchSize: 3 }],
  [{ consumedEvents: [{ scriptName: "w" }] }],
])("so is %j, as the runtime has it", (event) => {
  expect(exceededItem({ ...MEMORY, event }, 5)).toMatchObject({ outcome: "exceededMemory", event, logs: [] });
});

test("of a call nothing is known but its end; of an alarm its class and when it was due", () => {
  expect(exceededItem({ ...CPU, event: { isCall: true } }, 5)).toMatchObject({ outcome: "exceededCpu", event: null });
  expect(alarmItem("cpu", { dueMs: 0, className: "Counter" }, 5)).toMatchObject({
    outcome: "exceededCpu",
    event: { scheduledTime: "1970-01-01T00:00:00.000Z" },
    executionModel: "durableObject",
    entrypoint: "Counter",
  });
});

test("a request that ended with its runner is told of in the runtime's words", () => {
  const fields = [
    "X-Forwarded-Scheme: https",
    "Cookie: a=b",
    "X-A: 1",
    "x-a: 2",
    "X-\xc3\xa4: \xc3\xa4",
    'cf-blob: {"colo":"X"}',
  ];
  const item = exceededItem({ ...CPU, event: { head: lines(...fields) } }, 5);
  expect(item).toMatchObject({
    outcome: "exceededCpu",
    eventTimestamp: 5,
    exceptions: [{ name: "Error", message: "Worker exceeded CPU time limit.", timestamp: 5 }],
    event: {
      request: {
        url: "https://w.dev.localhost/a?token=REDACTED",
        method: "POST",
        headers: { host: "w.dev.localhost", cookie: "REDACTED", "x-a": "1, 2", "x-ä": "ä" },
        cf: { colo: "X" },
      },
    },
  });
  expect(JSON.stringify(item)).not.toMatch(/cf-blob|x-forwarded-scheme/);
  expect(item[UNREDACTED]).toEqual({ url: `https://w.dev.localhost/a?token=${HEX}`, headers: { cookie: "a=b" } });
});

test("a head that was cut off is told as far as it goes", () => {
  const item = exceededItem({ ...MEMORY, event: { head: "GET / HTTP/1.1\r\nHost: w\r\nX-Lo" } }, 5);
  expect(item).toMatchObject({
    outcome: "exceededMemory",
    event: { request: { url: "http://w/", headers: { host: "w" } } },
  });
  expect(item[UNREDACTED]).toBeUndefined();
});

test.each([
  ["cookie", true],
  ["set-cookie", true],
  ["authorization", true],
  ["x-api-key", true],
  ["x-jwt-assertion", true],
  ["accept", false],
  ["cookies", false],
])("the value of %s is a secret: %s", (name, secret) => {
  expect(redactedValue(name, "v")).toBe(secret ? "REDACTED" : "v");
});

test.each([
  [`/${HEX}/x`, "/REDACTED/x"],
  ["/01234567-89ab-cdef-0123-456789abcdef", "/REDACTED"],
  ["/AbCdEfGhIjKlMnOpQrS12", "/REDACTED"],
  ["/a-perfectly-usual-name-of-a-page", "/a-perfectly-usual-name-of-a-page"],
  ["/0123456789abcdef", "/0123456789abcdef"],
])("of %s is left %s", (url, shown) => {
  expect(redactedUrl(url)).toBe(shown);
});
