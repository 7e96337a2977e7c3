import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Delivery, TailEvent } from "../../domain/events.ts";
import { type TraceItem, type TraceSource, UNREDACTED } from "../../domain/trace.ts";
import { MAX_TAIL_CALL_ITEMS, MAX_TAIL_CALLS, MAX_TAIL_QUEUE_CHARS } from "../limits.ts";
import { TailWorkers } from "./tail-workers.ts";

const source: TraceSource = { accountId: "a", script: "p", versionId: "v1", versionTag: "t1" };
const item = (more: Partial<TraceItem> = {}): TraceItem => ({
  ...{ outcome: "ok", eventTimestamp: 1, event: { request: { url: "u" } }, logs: [], exceptions: [] },
  ...{ diagnosticsChannelEvents: [], executionModel: "stateless", truncated: false, cpuTime: 0, wallTime: 5 },
  ...more,
});

let calls: { to: string; event: TailEvent; done(delivery?: Delivery): void }[];
let lines: string[];
let consumers: Record<string, string[]>;
let tails: TailWorkers;
beforeEach(() => {
  vi.useFakeTimers();
  [calls, lines, consumers] = [[], [], { p: ["t"] }];
  tails = new TailWorkers({
    consumersOf: ({ script }) => consumers[script] ?? [],
    deliver: (accountId, script, event) =>
      new Promise((resolve) => {
        const done = (delivery: Delivery = { outcome: "ok", begun: true }) => resolve(delivery);
        calls.push({ to: `${accountId}/${script}`, event, done });
      }),
    log: (line) => lines.push(line),
  });
});
afterEach(() => void vi.useRealTimers());

const texts = (call: number) => calls[call]?.event.items.map((text) => JSON.parse(text));

test("a Tail Worker gets the item in the original's words, with what was redacted", () => {
  tails.take(source, [item({ [UNREDACTED]: { url: "secret" } })]);
  expect(calls).toMatchObject([{ to: "a/t", event: { type: "tail", scripts: ["p"] } }]);
  expect(texts(0)).toEqual([
    {
      ...{ scriptName: "p", scriptVersion: { id: "v1", tag: "t1" }, outcome: "ok", eventTimestamp: 1 },
      ...{ event: { request: { url: "u" } }, logs: [], exceptions: [], diagnosticsChannelEvents: [] },
      ...{ executionModel: "stateless", truncated: false, cpuTime: 0, wallTime: 5, unredacted: { url: "secret" } },
    },
  ]);
});

test("each Tail Worker of the script gets it, and those of no other", () => {
  consumers = { p: ["t", "u"], q: ["w"] };
  tails.take(source, [item()]);
  expect(calls.map(({ to }) => to)).toEqual(["a/t", "a/u"]);
});

test("what a Tail Worker did goes to no Tail Worker", () => {
  tails.take(source, [item({ event: { consumedEvents: [{ scriptName: "q" }] } })]);
  expect(calls).toEqual([]);
});

test("a slow one gets fewer and larger calls", async () => {
  for (let i = 0; i < 300; i++) tails.take(source, [item({ eventTimestamp: i })]);
  expect(calls).toHaveLength(MAX_TAIL_CALLS);
  calls[0]?.done();
  await vi.advanceTimersByTimeAsync(0);
  expect(calls[MAX_TAIL_CALLS]?.event.items).toHaveLength(MAX_TAIL_CALL_ITEMS);
  // In the order in which it came.
  expect(texts(MAX_TAIL_CALLS)?.[0]).toMatchObject({ eventTimestamp: MAX_TAIL_CALLS });
});

test("what finds no room is lost and counted, once a minute", async () => {
  const logs = [{ level: "log" as const, message: ["x".repeat(1024 * 1024)], timestamp: 1 }];
  const fits = Math.floor(MAX_TAIL_QUEUE_CHARS / (1024 * 1024 + 1000));
  for (let i = 0; i < MAX_TAIL_CALLS + fits + 3; i++) tails.take(source, [item({ logs })]);
  expect(lines).toEqual(["1 invocations did not reach the Tail Worker t: it is too slow"]);
  await vi.advanceTimersByTimeAsync(60_000);
  tails.take(source, [item({ logs })]);
  expect(lines[1]).toBe("3 invocations did not reach the Tail Worker t: it is too slow");
});

test("one that is not there costs a call a second, and says why", async () => {
  const message = 'Worker "t" does not exist.';
  tails.take(source, [item()]);
  calls[0]?.done({ outcome: "scriptNotFound", begun: false, message });
  await vi.advanceTimersByTimeAsync(0);
  expect(lines).toEqual([`1 invocations did not reach the Tail Worker t: ${message}`]);
});

test("stop waits for what runs and begins nothing", async () => {
  tails.take(source, [item()]);
  let stopped = false;
  const stopping = tails.stop().then(() => (stopped = true));
  tails.take(source, [item()]);
  await vi.advanceTimersByTimeAsync(0);
  expect([stopped, calls.length]).toEqual([false, 1]);
  calls[0]?.done();
  await stopping;
});
