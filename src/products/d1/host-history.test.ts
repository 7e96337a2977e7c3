/** Time Travel: what was committed can be had again, whatever happened to processes meanwhile. */
import { copyFileSync, mkdirSync, readdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { spoil } from "../../lib/testing-spoil.ts";
import { startTestHost, type TestHost } from "./testing-host.ts";

let host: TestHost;
let id: string;

beforeEach(async () => {
  host = await startTestHost();
  id = host.create();
});

afterEach(() => host.close());

const run = (sql: string, ...params: (string | number)[]) => host.run(id, sql, ...params);
const bookmark = async (atMs?: number) =>
  (await host.call(id, "bookmark", atMs === undefined ? {} : { atMs })).bookmark;
const restore = (to: string) => host.call(id, "restore", { bookmark: to });
const count = async () => (await run("SELECT count(*) FROM t")).rows[0]?.[0];
const history = () => readdirSync(join(host.directory, id, "history"));

async function restart(): Promise<void> {
  await host.kill();
  host = await startTestHost({ directory: host.directory });
}

test("any commit can be restored, in any order, and restoring can be undone", async () => {
  const empty = await bookmark();
  await run("CREATE TABLE t (n INTEGER PRIMARY KEY, v)");
  const marks = [await bookmark()];
  for (let n = 1; n <= 5; n++) {
    await run("INSERT INTO t VALUES (?, hex(randomblob(4000)))", n);
    marks.push(await bookmark());
  }
  expect([...marks].sort()).toEqual(marks);
  const { previousBookmark, bookmark: after } = await restore(marks[2] as string);
  expect(previousBookmark).toBe(marks[5]);
  expect(after > previousBookmark).toBe(true);
  expect(await count()).toBe(2);
  await run("INSERT INTO t VALUES (99, 'new')");
  const other = await bookmark();
  await restore(previousBookmark);
  expect(await count()).toBe(5);
  await restore(other);
  expect((await run("SELECT n FROM t")).rows).toEqual([[1], [2], [99]]);
  await restore(marks[0] as string);
  expect(await count()).toBe(0);
  await restore(empty);
  await expect(count()).rejects.toThrow("no such table");
  await restore(marks[4] as string);
  expect(await count()).toBe(4);
  expect((await run("PRAGMA integrity_check")).rows).toEqual([["ok"]]);
});

test("a bookmark of another history is refused, and changes nothing", async () => {
  await run("CREATE TABLE t (n)");
  const mark = await bookmark();
  await run("INSERT INTO t VALUES (1)");
  for (const wrong of ["nonsense", spoil(mark, mark.length - 1), mark.replace(/^.{8}/, "000000ff")]) {
    await expect(restore(wrong)).rejects.toMatchObject({ code: "bad-bookmark" });
  }
  expect(await count()).toBe(1);
});

test("a moment leads to the state of that moment, and always to the same bookmark", async () => {
  await run("CREATE TABLE t (n)");
  await run("INSERT INTO t VALUES (1)");
  await delay(1100 - (Date.now() % 1000));
  const moment = Date.now();
  await delay(1100 - (Date.now() % 1000));
  await run("INSERT INTO t VALUES (2)");
  const mark = await bookmark(moment);
  await host.call(id, "close", {});
  await run("INSERT INTO t VALUES (3)");
  expect(await bookmark(moment)).toBe(mark);
  await restore(mark);
  expect(await count()).toBe(1);
  await expect(bookmark(Date.now() - 31 * 86_400_000)).rejects.toMatchObject({ code: "bad-bookmark" });
});

test("history goes on over kills, closings and large writes", async () => {
  await run("CREATE TABLE t (n INTEGER PRIMARY KEY, v)");
  const marks: string[] = [];
  for (let round = 0; round < 4; round++) {
    // Above the number of frames at which the log is moved.
    await run(
      `INSERT INTO t SELECT ${round * 1000} + value, hex(randomblob(2000))
       FROM (WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c WHERE value < 1000) SELECT value FROM c)`,
    );
    marks.push(await bookmark());
    if (round % 2 === 0) await restart();
    else await host.call(id, "close", {});
    expect(await count()).toBe((round + 1) * 1000);
  }
  expect(history().filter((name) => name.endsWith(".wal")).length).toBeGreaterThanOrEqual(2);
  for (const round of [2, 0, 3, 1]) {
    await restore(marks[round] as string);
    expect(await count()).toBe((round + 1) * 1000);
  }
});

test("a kill at any moment of archiving and restoring loses neither data nor history", async () => {
  await run("CREATE TABLE t (n INTEGER PRIMARY KEY, v)");
  await run("INSERT INTO t VALUES (0, 'first')");
  const first = await bookmark();
  let last = 0;
  for (let round = 0; round < 12; round++) {
    const victim = host;
    const known = last;
    // At any moment, in every other round of those after the first write.
    let timer: NodeJS.Timeout | undefined;
    const killSoon = () => {
      timer ??= setTimeout(() => void victim.kill(), 10 + round * 6);
    };
    if (round % 2 === 0) killSoon();
    const work = (async () => {
      for (let n = known + 1; n < known + 20; n++) {
        await victim.run(id, "INSERT INTO t VALUES (?, zeroblob(100000))", n);
        last = n;
        killSoon();
        if (n % 5 === 0) await victim.call(id, "close", {});
      }
      if (round % 3 === 2) {
        const { bookmark: now } = await victim.call(id, "bookmark", {});
        await victim.call(id, "restore", { bookmark: now });
      }
    })();
    await work.catch(() => {});
    clearTimeout(timer);
    await restart();
    const { rows } = await run("SELECT count(*) - 1, max(n) FROM t");
    const [rowCount, highest] = rows[0] as [number, number];
    expect(rowCount).toBe(highest);
    expect(highest).toBeGreaterThanOrEqual(last);
    last = highest;
  }
  expect(last).toBeGreaterThan(0);
  const { previousBookmark } = await restore(first);
  expect(await count()).toBe(1);
  await restore(previousBookmark);
  expect(await count()).toBe(last + 1);
  expect((await run("PRAGMA integrity_check")).rows).toEqual([["ok"]]);
});

test("two hosts may have a database open, and its history stays whole", async () => {
  const other = await startTestHost({ directory: host.directory });
  try {
    await run("CREATE TABLE t (n, v)");
    await other.run(id, "INSERT INTO t VALUES (1, zeroblob(100000))");
    const mark = await bookmark();
    for (let n = 0; n < 60; n++) {
      await (n % 2 ? host : other).run(id, "INSERT INTO t VALUES (2, zeroblob(100000))");
      if (n % 7 === 0) await (n % 3 ? host : other).call(id, "close", {});
    }
    expect((await other.run(id, "SELECT count(*) FROM t")).rows).toEqual([[61]]);
    await other.call(id, "close", {});
    await restore(mark);
    expect(await count()).toBe(1);
    expect((await other.run(id, "SELECT count(*) FROM t")).rows).toEqual([[1]]);
    expect((await other.run(id, "PRAGMA integrity_check")).rows).toEqual([["ok"]]);
  } finally {
    await other.kill();
  }
});

test("bases are made as history grows; what lies before the retention goes", async () => {
  await run("CREATE TABLE t (n INTEGER PRIMARY KEY, v)");
  const old = await bookmark();
  let newest = "";
  const grow = async () => {
    const before = history().filter((name) => name.endsWith(".base")).length;
    for (let n = 0; history().filter((name) => name.endsWith(".base")).length === before; n++) {
      expect(n).toBeLessThan(60);
      await run("INSERT OR REPLACE INTO t VALUES (1, randomblob(1900000))");
      newest = await bookmark();
      if (n % 4 === 3) await host.call(id, "close", {});
      // A base is made in a pause.
      await delay(20);
    }
  };
  await run("INSERT INTO t VALUES (0, 'x')");
  await grow();
  // As if the base were older than the retention.
  const base = history().find((name) => name.endsWith(".base")) as string;
  const past = Date.now() / 1000 - 31 * 86_400;
  utimesSync(join(host.directory, id, "history", base), past, past);
  await grow();
  const left = history();
  expect(left.filter((name) => name.endsWith(".wal")).every((name) => name >= base)).toBe(true);
  await expect(restore(old)).rejects.toMatchObject({ code: "bad-bookmark" });
  await restore(newest);
  expect(await count()).toBe(2);
}, 60_000);

test("a copy of the directory is a database with its history", async () => {
  await run("CREATE TABLE t (n)");
  const mark = await bookmark();
  await run("INSERT INTO t VALUES (1)");
  await host.call(id, "close", {});
  const copy = host.create();
  copyTree(join(host.directory, id), join(host.directory, copy));
  expect((await host.run(copy, "SELECT count(*) FROM t")).rows).toEqual([[1]]);
  await host.call(copy, "restore", { bookmark: mark });
  expect((await host.run(copy, "SELECT count(*) FROM t")).rows).toEqual([[0]]);
});

function copyTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (statSync(join(from, name)).isDirectory()) copyTree(join(from, name), join(to, name));
    else copyFileSync(join(from, name), join(to, name));
  }
}
