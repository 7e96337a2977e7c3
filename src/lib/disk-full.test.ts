import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { isDiskFull } from "./disk-full.ts";

test.each([
  [Object.assign(new Error(""), { code: "ENOSPC" }), true],
  [Object.assign(new Error(""), { code: "EDQUOT" }), true],
  [new Error("ENOSPC: no space left on device, write"), true],
  [new Error("what ENOSPC: means"), false],
  [Object.assign(new Error(""), { code: "EACCES" }), false],
  [undefined, false],
  ["ENOSPC", false],
])("%s: %s", (error, expected) => {
  expect(isDiskFull(error)).toBe(expected);
});

test("as SQLite says it", () => {
  const database = new DatabaseSync(":memory:");
  database.exec("pragma max_page_count = 3; create table t (v)");
  let failure: unknown;
  try {
    database.prepare("insert into t values (?)").run("x".repeat(100_000));
  } catch (error) {
    failure = error;
  }
  expect(isDiskFull(failure)).toBe(true);
  database.close();
});
