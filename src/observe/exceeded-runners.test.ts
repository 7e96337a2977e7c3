import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TraceItem } from "../domain/trace.ts";
import { ExceededRunners } from "./exceeded-runners.ts";

const RUNNER = { instanceId: "i1", versionId: "v1", cause: "cpu" } as const;
const call = { ...RUNNER, event: { isCall: true } } as const;
const cron = { ...RUNNER, event: { cron: "* * * * *", scheduledTime: 1 } } as const;

let taken: TraceItem[];
let runners: ExceededRunners;
beforeEach(() => {
  vi.useFakeTimers();
  taken = [];
  runners = new ExceededRunners((versionId, item) => {
    expect(versionId).toBe("v1");
    taken.push(item);
  });
});
afterEach(() => void vi.useRealTimers());

const events = () => taken.map(({ event }) => event);

test("the end of a runner stands for what nobody sent there, and for nothing that somebody tells of", () => {
  runners.ended(RUNNER);
  runners.ended({ ...RUNNER, instanceId: "i2" });
  runners.invocation(cron);
  expect(events()).toEqual([cron.event]);
  vi.advanceTimersByTime(10_000);
  expect(events()).toEqual([cron.event, null]);
  expect(taken[1]).toMatchObject({ outcome: "exceededCpu", exceptions: [{ message: /CPU/ }] });
});

test("an alarm that was due is told of, once", () => {
  runners.ended({ ...RUNNER, cause: "memory", alarm: { dueMs: 0, className: "Counter" } });
  vi.advanceTimersByTime(10_000);
  expect(taken).toMatchObject([{ outcome: "exceededMemory", entrypoint: "Counter" }]);
});

test("of many invocations in one runner some are told of", () => {
  for (let count = 0; count < 100; count++) runners.invocation(call);
  runners.invocation({ ...call, instanceId: "i2" });
  expect(taken).toHaveLength(21);
});
