import { expect, test } from "vitest";
import type { QueueRefusal } from "./refusal.ts";
import { messageBatch, pushedBatch, pushedMessage, singleMessage } from "./wire.ts";

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const base64 = (text: string) => Buffer.from(text).toString("base64");

test("one message of the binding is the body, in the format that the header names or V8's", () => {
  const body = Buffer.from("x");
  expect(singleMessage(body, "json", "7")).toEqual([{ contentType: "json", body, delayS: 7 }]);
  expect(singleMessage(body, undefined, undefined)).toEqual([{ contentType: "v8", body, delayS: undefined }]);
  expect(singleMessage(body, "text", "0")).toMatchObject([{ delayS: 0 }]);
});

test("a batch's delay is for messages without one", () => {
  const messages = [
    { body: base64("a"), contentType: "text" },
    { body: base64("b"), delaySecs: 0 },
  ];
  expect(messageBatch(json({ messages }), "9")).toEqual([
    { contentType: "text", body: Buffer.from("a"), delayS: 9 },
    { contentType: "v8", body: Buffer.from("b"), delayS: 0 },
  ]);
});

test("messages over HTTP are JSON or text", () => {
  expect(pushedMessage(json({ body: { a: 1 }, delay_seconds: 2 }))).toEqual([
    { contentType: "json", body: Buffer.from('{"a":1}'), delayS: 2 },
  ]);
  expect(pushedBatch(json({ delay_seconds: 3, messages: [{ body: "t", content_type: "text" }] }))).toEqual([
    { contentType: "text", body: Buffer.from("t"), delayS: 3 },
  ]);
});

const big = "x".repeat(128_001);
test.each<[string, () => unknown, code: number, why: string]>([
  ["too long", () => singleMessage(Buffer.from(big), "text", undefined), 10204, "128001 bytes exceeds limit of 128000"],
  ["a long delay", () => singleMessage(Buffer.from("x"), "text", "86401"), 10203, "delay"],
  ["a broken delay", () => singleMessage(Buffer.from("x"), "text", "1.5"), 10203, "delay"],
  ["an unknown format", () => singleMessage(Buffer.from("x"), "xml", undefined), 10203, "content type"],
  ["a long batch delay", () => messageBatch(json({ messages: [{ body: "" }] }), "86401"), 10202, "batch delay"],
  ["no messages", () => messageBatch(json({ messages: [] }), undefined), 10206, "count of 0"],
  ["101 messages", () => messageBatch(json({ messages: Array(101).fill({ body: "" }) }), undefined), 10206, "101"],
  [
    "too many bytes",
    () => messageBatch(json({ messages: Array(3).fill({ body: base64("x".repeat(100_000)) }) }), undefined),
    10205,
    "300000",
  ],
  ["no body", () => messageBatch(json({ messages: [{}] }), undefined), 10207, "body"],
  ["no JSON", () => pushedMessage(Buffer.from("{")), 10208, "JSON"],
  ["a text that is none", () => pushedMessage(json({ body: 1, content_type: "text" })), 10207, "text"],
  ["bytes over HTTP", () => pushedMessage(json({ body: "", content_type: "bytes" })), 10207, "content_type"],
])("%s is refused", (_name, read, code, why) => {
  let refusal: QueueRefusal | undefined;
  try {
    read();
  } catch (error) {
    refusal = error as QueueRefusal;
  }
  expect(refusal).toMatchObject({ name: "QueueRefusal", code });
  expect(refusal?.message).toContain(why);
});
