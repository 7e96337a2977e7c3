import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { earliestAlarm } from "./alarms.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fh-alarms-"));
  const file = new DatabaseSync(join(directory, "metadata.sqlite"));
  file.exec("create table _cf_ALARM (actor_id text primary key, scheduled_time integer)");
  file.exec("insert into _cf_ALARM values ('b', 2000000), ('a', 1000000)");
  file.close();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("the earliest alarm, in milliseconds", () => {
  expect(earliestAlarm(directory)).toBe(1);
  expect(earliestAlarm(directory, true)).toBe(1);
  expect(earliestAlarm(join(directory, "none"))).toBeUndefined();
});

test("whoever had the directory can neither hold us up with a pipe nor lead us elsewhere", () => {
  const journal = join(directory, "metadata.sqlite-journal");
  // SQLite would open it for reading, which waits until somebody writes.
  execFileSync("mkfifo", [journal]);
  expect(earliestAlarm(directory)).toBeUndefined();
  rmSync(journal);
  expect(earliestAlarm(directory)).toBe(1);
  const other = join(directory, "other");
  execFileSync("mkdir", [other]);
  symlinkSync(join(directory, "metadata.sqlite"), join(other, "metadata.sqlite"));
  expect(earliestAlarm(other)).toBeUndefined();
});
