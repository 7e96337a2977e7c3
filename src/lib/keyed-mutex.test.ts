import { expect, test } from "vitest";
import { KeyedMutex } from "./keyed-mutex.ts";

test("tasks of one key run in order, one at a time", async () => {
  const mutex = new KeyedMutex();
  const log: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = mutex.run("a", async () => {
    log.push("first starts");
    await gate.promise;
    log.push("first ends");
    return 1;
  });
  const second = mutex.run("a", async () => {
    log.push("second");
    return 2;
  });
  const other = mutex.run("b", async () => log.push("other key"));
  await other;
  gate.resolve();
  expect(await Promise.all([first, second])).toEqual([1, 2]);
  expect(log).toEqual(["first starts", "other key", "first ends", "second"]);
});

test("a task that throws frees its key", async () => {
  const mutex = new KeyedMutex();
  const failed = mutex.run("a", async () => {
    throw new Error("no");
  });
  const after = mutex.run("a", async () => "yes");
  await expect(failed).rejects.toThrow("no");
  expect(await after).toBe("yes");
  expect(mutex.size).toBe(0);
});
