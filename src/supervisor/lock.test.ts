import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConfigError } from "../domain/config.ts";
import { lockDirectory } from "./lock.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fh-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a directory has one owner at a time", () => {
  const dataDir = join(directory, "data");
  const lockFile = join(dataDir, "lock.db");
  const first = lockDirectory(dataDir, lockFile);
  expect(() => lockDirectory(dataDir, lockFile)).toThrow(
    `${dataDir} is in use by another Freehold (process ${process.pid}).`,
  );
  first.release();
  lockDirectory(dataDir, lockFile).release();
});

test("a directory that cannot be made or written is the operator's to mend", () => {
  const file = join(directory, "file");
  writeFileSync(file, "");
  for (const dataDir of [file, join(file, "below")]) {
    expect(() => lockDirectory(dataDir, join(dataDir, "lock.db"))).toThrow(ConfigError);
    expect(() => lockDirectory(dataDir, join(dataDir, "lock.db"))).toThrow("Set FREEHOLD_DATA to");
  }
});
