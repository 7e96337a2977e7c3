import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isPlainDatabase } from "./plain-files.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fh-plain-"));
  path = join(directory, "a.sqlite");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a database is plain with its files, and not when there is none", () => {
  expect(isPlainDatabase(path)).toBe(false);
  writeFileSync(path, "");
  expect(isPlainDatabase(path)).toBe(true);
  for (const sidecar of ["-wal", "-shm", "-journal"]) writeFileSync(path + sidecar, "");
  expect(isPlainDatabase(path)).toBe(true);
});

test.each(["", "-wal", "-shm", "-journal"])("a link or a pipe at …%s is not", (suffix) => {
  const other = join(directory, "other.sqlite");
  writeFileSync(other, "");
  if (suffix !== "") writeFileSync(path, "");
  symlinkSync(other, path + suffix);
  expect(isPlainDatabase(path)).toBe(false);
  rmSync(path + suffix);
  execFileSync("mkfifo", [path + suffix]);
  expect(isPlainDatabase(path)).toBe(false);
});
