import { once } from "node:events";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { exitCause } from "./exit-cause.ts";
import { isFull, memoryBounds } from "./memory.ts";
import { Restarts } from "./restarts.ts";
import { Slots } from "./slots.ts";
import { Tail } from "./tail.ts";

describe("Tail", () => {
  test("keeps the end", async () => {
    const stream = new PassThrough();
    const tail = new Tail(stream, 10, 1_000_000);
    for (let i = 0; i < 100; i++) stream.write(`${i},`);
    stream.end("last");
    await once(stream, "end");
    expect(`${tail}`).toBe("98,99,last");
  });

  test("holds up a writer that is too fast, for a while", async () => {
    const stream = new PassThrough();
    const tail = new Tail(stream, 100_000, 100_000);
    const startedAt = performance.now();
    for (let i = 0; i < 3; i++) stream.write("x".repeat(10_000));
    stream.end("end");
    await once(stream, "end");
    expect(`${tail}`).toHaveLength(30_003);
    expect(performance.now() - startedAt).toBeGreaterThan(150);
  });
});

describe("Slots", () => {
  test("are given in turn", async () => {
    const slots = new Slots(1);
    expect(await slots.enter(10)).toBe(true);
    const order: string[] = [];
    const second = slots.enter(1000).then(() => order.push("second"));
    const third = slots.enter(1000).then(() => order.push("third"));
    slots.leave();
    await second;
    slots.leave();
    await third;
    expect(order).toEqual(["second", "third"]);
  });

  test("are refused after a while, and a refused one takes no place", async () => {
    const slots = new Slots(1);
    await slots.enter(10);
    expect(await slots.enter(10)).toBe(false);
    slots.leave();
    expect(await slots.enter(10)).toBe(true);
  });
});

describe("Restarts", () => {
  test("pause longer after each early death, and not after a sound life", () => {
    const restarts = new Restarts();
    const pauses = [1, 2, 3, 4, 5, 6].map((second) => {
      restarts.died(50, undefined, second * 1000);
      return restarts.delayMs(second * 1000);
    });
    expect(pauses).toEqual([0, 100, 500, 2000, 10_000, 10_000]);
    restarts.died(10_000, undefined, 60_000);
    expect(restarts.delayMs(60_000)).toBe(0);
    restarts.died(50, undefined, 61_000);
    expect(restarts.delayMs(61_000)).toBe(100);
    expect(restarts.delayMs(61_060)).toBe(40);
  });

  test("can be bounded, and are forgotten in time", () => {
    const restarts = new Restarts();
    expect(restarts.isForgettable(0)).toBe(true);
    for (let i = 0; i < 5; i++) restarts.died(50, 500, 1000);
    expect(restarts.delayMs(1000)).toBe(500);
    expect(restarts.isForgettable(11_000)).toBe(false);
    expect(restarts.isForgettable(12_000)).toBe(true);
  });
});

test.each([
  [1, "V8 fatal error; location = Reached heap limit; message = : allocation failed", "memory"],
  [1, "message = : allocation failed: JavaScript heap out of memory\n*** Received signal #6", "memory"],
  [1, "*** Received signal #11: Segmentation fault", "crash"],
  // What a Worker logs does not make an orderly end a lack of memory.
  [0, "console.error: JavaScript heap out of memory", "crash"],
  [null, "", "crash"],
] as const)("exit code %s after %j means %s", (code, stderr, cause) => {
  expect(exitCause({ code, signal: null }, stderr)).toBe(cause);
});

test("memory is full at the version's limit and a slack, counted from an idle runner", () => {
  const mib = 1024 * 1024;
  const bounds = memoryBounds({ anonymousBytes: 9 * mib, dataBytes: 540 * mib }, 128);
  expect(isFull({ anonymousBytes: 130 * mib, dataBytes: 826 * mib }, bounds)).toBe(false);
  expect(isFull({ anonymousBytes: 130 * mib, dataBytes: 828 * mib }, bounds)).toBe(true);
  expect(isFull({ anonymousBytes: 328 * mib, dataBytes: 600 * mib }, bounds)).toBe(false);
  expect(isFull({ anonymousBytes: 330 * mib, dataBytes: 600 * mib }, bounds)).toBe(true);
  expect(bounds.renewAnonymousBytes).toBe(233 * mib);
  expect(bounds.maxDataBytes).toBeGreaterThan(bounds.fullDataBytes);
});
