import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type NewMessage, UNTIL_SETTLED } from "./rows.ts";
import { SqliteRows } from "./sqlite-rows.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fh-queue-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const T = 1_800_000_000_000;
const message = (body: string): NewMessage => {
  return { id: "0".repeat(32), sentMs: T, contentType: "text", body: Buffer.from(body), visibleMs: T };
};
const lease = { nowMs: T, untilMs: UNTIL_SETTLED, maxMessages: 10, maxBytes: 1000 };

test("a lease of what a loss of power undid acknowledges nothing else", async () => {
  const [path, survived] = [join(directory, "queue.sqlite"), join(directory, "survived.sqlite")];
  const before = new SqliteRows(path);
  // What was on disk when the power went.
  for (const end of ["", "-wal"]) cpSync(path + end, survived + end);
  await before.add([message("undone")]);
  const [undone] = await before.lease(lease);
  before.close();
  const after = new SqliteRows(survived);
  await after.add([message("kept")]);
  await after.lease(lease);
  expect(await after.settle(undone ? [undone] : [], [])).toEqual({ acked: 0, putOff: 0 });
  expect(after.backlog()).toMatchObject({ count: 1 });
  after.close();
});
