import { expect, test } from "vitest";
import type { Field } from "./fields.ts";
import { assess } from "./storable.ts";

const NOW = Date.UTC(2026, 10, 22, 12);
const http = (ms: number) => new Date(NOW + ms).toUTCString();

/** Status, headers, and for how many seconds the response is kept; 0: not at all. */
const table: [number, Record<string, string>, number][] = [
  [200, {}, 7200],
  [301, {}, 7200],
  [302, {}, 1200],
  [404, {}, 180],
  [500, {}, 0],
  [403, {}, 0],
  [500, { "cache-control": "max-age=5" }, 5],
  [204, { "cache-control": "max-age=5" }, 5],
  [206, { "cache-control": "max-age=5" }, 0],
  [304, { "cache-control": "max-age=5" }, 0],
  [200, { "cache-control": "max-age=60" }, 60],
  [200, { "cache-control": "public, max-age=60" }, 60],
  [200, { "cache-control": "MAX-AGE=60" }, 60],
  [200, { "cache-control": 'max-age="60"' }, 60],
  [200, { "cache-control": "max-age=60, s-maxage=5" }, 5],
  [200, { "cache-control": "s-maxage=500, max-age=0" }, 500],
  [200, { "cache-control": "max-age=60, max-age=5" }, 60],
  [200, { "cache-control": "max-age=60", expires: http(5000) }, 60],
  [200, { "cache-control": "max-age=0" }, 0],
  [200, { "cache-control": "max-age=-1" }, 0],
  [200, { "cache-control": "max-age=soon" }, 0],
  [200, { "cache-control": "max-age=99999999999999" }, 31_536_000],
  [200, { "cache-control": "max-age=60", age: "20" }, 40],
  [200, { "cache-control": "max-age=60", age: "60" }, 0],
  [200, { "cache-control": "max-age=60", age: "old" }, 60],
  [200, { "cache-control": "public" }, 7200],
  [200, { "cache-control": "immutable" }, 7200],
  [200, { "cache-control": "no-store" }, 0],
  [200, { "cache-control": "No-Store, max-age=60" }, 0],
  [200, { "cache-control": "no-cache" }, 0],
  [200, { "cache-control": "private, max-age=60" }, 0],
  [200, { "cache-control": 'private="x-user", max-age=60', "x-user": "1" }, 60],
  [200, { "cache-control": "stale-while-revalidate=60, max-age=5" }, 5],
  [200, { expires: http(30_000) }, 30],
  [200, { expires: http(30_000), date: http(-10_000) }, 40],
  [200, { expires: http(-1) }, 0],
  [200, { expires: "0" }, 0],
  [200, { expires: "never" }, 0],
  [200, { "set-cookie": "a=b" }, 0],
  [200, { "set-cookie": "a=b", "cache-control": "public, max-age=60" }, 0],
  [200, { "set-cookie": "a=b", "cache-control": "private=Set-Cookie" }, 7200],
  [200, { "set-cookie": "a=b", "cache-control": 'private="set-cookie", max-age=7' }, 7],
  [200, { "set-cookie": "a=b", "cache-control": 'no-cache="Set-Cookie", max-age=7' }, 7],
  [200, { vary: "*" }, 0],
  [200, { vary: "accept, *" }, 0],
  [200, { vary: "Accept-Language" }, 7200],
];

test.each(table)("%i %j is kept for %i s", (status, headers, expected) => {
  const fields: Field[] = Object.entries(headers);
  const storable = assess(status, fields, NOW);
  expect(storable ? storable.freshMs / 1000 : 0).toBe(expected);
});

test("fields that are private are not kept, nor those of the connection", () => {
  const dropped = assess(200, [["cache-control", 'private="Set-Cookie, X-User"']], NOW)?.dropped;
  expect([...(dropped ?? [])]).toEqual(expect.arrayContaining(["set-cookie", "x-user", "transfer-encoding", "age"]));
  expect(dropped?.has("content-type")).toBe(false);
});

test("several fields of a name are one list", () => {
  const fields: Field[] = [
    ["cache-control", "max-age=60"],
    ["cache-control", "no-store"],
  ];
  expect(assess(200, fields, NOW)).toBeUndefined();
});
