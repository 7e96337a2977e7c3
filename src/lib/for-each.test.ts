import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { forEachOf } from "./for-each.ts";

it("takes each item once, so many at a time", async () => {
  const taken: number[] = [];
  let running = 0;
  let most = 0;
  await forEachOf([1, 2, 3, 4, 5], 2, async (item) => {
    most = Math.max(most, ++running);
    taken.push(item);
    await setImmediate();
    running--;
  });
  expect(taken).toEqual([1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});

it("rejects with the first error once nothing runs any more, and takes no further items", async () => {
  const taken: number[] = [];
  let running = 0;
  const all = forEachOf([1, 2, 3, 4, 5, 6], 3, async (item) => {
    running++;
    taken.push(item);
    await setImmediate();
    running--;
    if (item === 2) throw new Error("two");
  });
  await expect(all).rejects.toThrow("two");
  expect(running).toBe(0);
  expect(taken).not.toContain(6);
});
