import { appendFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { Cleanup } from "../../lib/http/testing.ts";
import { Spool } from "./spool.ts";

const cleanup = new Cleanup();
afterAll(() => cleanup.run());

let directory: string;
let lost: number;
const spool = (maxBytes = 1_000_000) => new Spool(directory, maxBytes, (records) => (lost += records));

beforeEach(async () => {
  directory = await cleanup.directory();
  lost = 0;
});

test("batches come out as they went in, oldest first, with their times", async () => {
  const one = spool();
  one.append(["a\n", "b"], 1000);
  one.append(["c"], 2000);
  expect(one.oldest).toBeUndefined();
  expect(one.records).toBe(3);
  one.seal();
  one.append(["d"], 3000);
  one.seal();
  one.seal();
  const first = one.oldest;
  expect(first).toMatchObject({ records: 3 });
  expect(await one.read(first as never)).toEqual({ firstMs: 1000, lastMs: 2000, text: "a\nbc" });
  await one.remove(first as never);
  expect(await one.read(one.oldest as never)).toMatchObject({ text: "d" });
  await one.remove(one.oldest as never);
  expect(one.oldest).toBeUndefined();
  expect(readdirSync(directory)).toEqual([]);
});

test("what a process that was killed had taken is there, but for a line that was cut", async () => {
  const killed = spool();
  killed.append(["a"], 1);
  killed.seal();
  killed.append(["b", "ü"], 2);
  appendFileSync(join(directory, "000000000002.open"), '[3,"half');
  const next = spool();
  next.append(["new"], 4);
  next.seal();
  const texts: string[] = [];
  for (let batch = next.oldest; batch; batch = next.oldest) {
    texts.push((await next.read(batch))?.text ?? "");
    await next.remove(batch);
  }
  expect(texts).toEqual(["a", "bü", "new"]);
});

test("a file that nothing can be read of is skipped", async () => {
  writeFileSync(join(directory, "000000000001.open"), "nonsense");
  const one = spool();
  expect(await one.read(one.oldest as never)).toBeUndefined();
});

test("when there is no room the oldest go, and are counted", async () => {
  const one = spool(60);
  for (const text of ["1", "2", "3"]) {
    one.append([text.repeat(30), "x"], 1);
    one.seal();
  }
  expect(lost).toBe(4);
  expect((await one.read(one.oldest as never))?.text).toBe(`${"3".repeat(30)}x`);
});

test("what stands between records is kept with them, and counts", async () => {
  const one = spool();
  one.append(["a", "b"], 1, "-".repeat(1000));
  one.append(["c", "d"], 1, ";");
  expect(one.bytes).toBeGreaterThan(2000);
  one.seal();
  const between = "-".repeat(1000);
  expect((await one.read(one.oldest as never))?.text).toBe(`a${between}b${between}c;d`);
});
