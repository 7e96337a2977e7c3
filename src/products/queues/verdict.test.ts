import { expect, test } from "vitest";
import type { Delivery } from "../../domain/events.ts";
import type { LeasedMessage } from "./rows.ts";
import { fateOf } from "./verdict.ts";

const NOW = 1_800_000_000_000;
const messages: LeasedMessage[] = ["a", "b", "last"].map((id, index) => ({
  seq: index,
  id,
  sentMs: NOW,
  contentType: "text",
  body: Buffer.from(id),
  // The last one has had its retries.
  attempts: id === "last" ? 4 : 1,
}));

const ok = (verdict: Delivery["verdict"] = {}): Delivery => ({ outcome: "ok", begun: true, verdict });
const thrown = (verdict: Delivery["verdict"] = {}): Delivery => ({ outcome: "exception", begun: true, verdict });

test.each<[string, Delivery, acked: string, retried: Record<string, number>, failed: string]>([
  ["all is well", ok(), "a b last", {}, ""],
  ["it threw", thrown(), "", { a: 9, b: 9 }, "last"],
  ["the runner died", { outcome: "exceededMemory", begun: true }, "", { a: 9, b: 9 }, "last"],
  ["it threw after it had acknowledged one", thrown({ explicitAcks: ["a"] }), "a", { b: 9 }, "last"],
  ["it threw after ackAll", thrown({ ackAll: true }), "a b last", {}, ""],
  ["one is retried", ok({ retryMessages: [{ msgId: "b", delaySeconds: 3 }] }), "a last", { b: 3 }, ""],
  ["one is retried without a delay", ok({ retryMessages: [{ msgId: "b", delaySeconds: 0 }] }), "a last", { b: 0 }, ""],
  [
    "one is retried, all others acknowledged",
    ok({ ackAll: true, retryMessages: [{ msgId: "a" }] }),
    "b last",
    { a: 9 },
    "",
  ],
  ["all are retried", ok({ retryBatch: { retry: true, delaySeconds: 60 } }), "", { a: 60, b: 60 }, "last"],
  [
    "all are retried but one, and one later",
    ok({
      retryBatch: { retry: true },
      explicitAcks: ["last"],
      retryMessages: [{ msgId: "a", delaySeconds: 1 }],
    }),
    "last",
    { a: 1, b: 9 },
    "",
  ],
])("%s", (_name, delivery, acked, retried, failed) => {
  const fate = fateOf(messages, delivery, { maxRetries: 3, retryDelayS: 9 }, NOW);
  expect(fate.acked.map(({ id }) => id).join(" ")).toBe(acked);
  expect(
    Object.fromEntries(fate.retried.map(({ seq, visibleMs }) => [messages[seq]?.id, (visibleMs - NOW) / 1000])),
  ).toEqual(retried);
  expect(fate.failed.map(({ id }) => id).join(" ")).toBe(failed);
});
