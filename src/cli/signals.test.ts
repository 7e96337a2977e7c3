import { EventEmitter } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import { onSignals } from "./signals.ts";

afterEach(() => vi.useRealTimers());

/** Signals at the given times in ms; says what was called. */
function play(signals: [number, string][]): string[] {
  vi.useFakeTimers({ toFake: ["performance"] });
  const target = new EventEmitter();
  const called: string[] = [];
  const subscription = onSignals(
    () => called.push("first"),
    () => called.push("second"),
    target,
  );
  for (const [at, signal] of signals) {
    vi.setSystemTime(0);
    vi.advanceTimersByTime(at - performance.now());
    target.emit(signal);
  }
  subscription.dispose();
  expect(target.eventNames()).toEqual([]);
  return called;
}

test("one Ctrl-C that arrives three times is one", () => {
  expect(
    play([
      [0, "SIGINT"],
      [5, "SIGINT"],
      [80, "SIGTERM"],
    ]),
  ).toEqual(["first"]);
});

test("a later signal means at once", () => {
  expect(
    play([
      [0, "SIGTERM"],
      [2000, "SIGINT"],
    ]),
  ).toEqual(["first", "second"]);
});
