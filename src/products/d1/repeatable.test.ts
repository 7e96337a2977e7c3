import { expect, test } from "vitest";
import { requestKind } from "./host-protocol.ts";
import { mayRepeat } from "./repeatable.ts";

const wire = (body: unknown) => mayRepeat({ kind: requestKind.wire, payload: Buffer.from(JSON.stringify(body)) });

test.each([
  ["SELECT 1", true],
  [" select a from t; ", true],
  ["WITH x AS (SELECT 1) SELECT * FROM x", true],
  ["WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", false],
  ["with x as (select 1) delete from t", false],
  ["SELECT 1; DROP TABLE t", false],
  ["WITH x AS (SELECT 1) SELECT 1; DROP TABLE t", false],
  ["PRAGMA foreign_keys = 0", false],
  ["DROP TABLE t", false],
])("%s", (sql, may) => {
  expect(wire({ sql })).toBe(may);
  expect(wire([{ sql: "SELECT 1" }, { sql }])).toBe(may);
});
