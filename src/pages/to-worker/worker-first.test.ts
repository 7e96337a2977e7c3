import { expect, test } from "vitest";
import { compileRoutes, startsCode } from "../../products/assets/routes-json.ts";
import { parseRunWorkerFirst, workerFirst as startsWorker } from "../../products/assets/run-worker-first.ts";
import { workerFirst } from "./worker-first.ts";

test.each([
  [["/*"], [], true],
  [["/*"], ["/static/*"], ["/*", "!/static", "!/static/*"]],
  [
    ["/api/*", "/x"],
    ["/api/docs/*", "/api/a"],
    ["/api", "/api/*", "/x", "/x/", "!/api/docs", "!/api/docs/*", "!/api/a", "!/api/a/"],
  ],
  // The one covers the other, which is no mistake in `_routes.json`.
  [["/a*", "/abc"], [], ["/a*"]],
  [["/", "/a/"], [], ["/", "/a", "/a/"]],
  [Array.from({ length: 60 }, (_, index) => `/${index}`), [], true],
])("%j without %j", (include, exclude, rules) => expect(workerFirst({ include, exclude })).toEqual(rules));

test.each([
  "/",
  "/api",
  "/api/",
  "/api/x",
  "/api/docs",
  "/api/docs/x",
  "/api/a",
  "/api/a/",
  "/apis",
  "/x",
  "/x/",
  "/x/y",
])("%s starts code in both", (path) => {
  const routes = { include: ["/api/*", "/x"], exclude: ["/api/docs/*", "/api/a"] };
  const setting = parseRunWorkerFirst(workerFirst(routes));
  expect(startsWorker(setting, path) === "worker").toBe(startsCode(compileRoutes(routes), path));
});
