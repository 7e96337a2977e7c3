import { expect, test } from "vitest";
import { withRetained } from "./retention.ts";
import { manifestOf } from "./testing.ts";

const hash = (digit: string) => digit.repeat(32);
const current = manifestOf([{ path: "/index.html", hash: hash("3") }, "/app.3.js"]);
const previous = manifestOf([
  { path: "/index.html", hash: hash("2") },
  "/app.2.js",
  { path: "/shared", hash: hash("2") },
]);
const oldest = manifestOf(["/app.1.js", { path: "/shared", hash: hash("1") }]);

test("earlier files stay reachable, and never replace newer ones", () => {
  const files = withRetained(current, [previous, oldest], 100);
  expect(files.map((file) => file.path)).toEqual(["/index.html", "/app.3.js", "/app.2.js", "/shared", "/app.1.js"]);
  expect(files.filter((file) => ["/index.html", "/shared"].includes(file.path)).map((file) => file.hash)).toEqual([
    hash("3"),
    hash("2"),
  ]);
});

test("the limit leaves out the oldest first, and nothing of the version itself", () => {
  expect(withRetained(current, [previous, oldest], 3).map((file) => file.path)).toEqual([
    "/index.html",
    "/app.3.js",
    "/app.2.js",
  ]);
  expect(withRetained(current, [previous], 1)).toHaveLength(2);
});
