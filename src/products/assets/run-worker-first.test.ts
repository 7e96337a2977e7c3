import { expect, test } from "vitest";
import { parseRunWorkerFirst, WorkerFirstError, workerFirst } from "./run-worker-first.ts";

test.each<[rules: unknown, path: string, decision: "worker" | "assets" | undefined]>([
  [true, "/a", "worker"],
  [false, "/a", undefined],
  [undefined, "/a", undefined],
  [["/api/*"], "/api/x", "worker"],
  [["/api/*"], "/api/", "worker"],
  [["/api/*"], "/api", undefined],
  [["/api/*"], "/x/api/y", undefined],
  [["/api"], "/api", "worker"],
  [["/api"], "/api/", undefined],
  [["/*/edit"], "/a/b/edit", "worker"],
  [["/*/edit"], "/edit", undefined],
  [["/*.json"], "/a/b.json", "worker"],
  [["/a*b*c"], "/abc", "worker"],
  [["/a*b*c"], "/axbxbxc", "worker"],
  [["/a*b*c"], "/acb", undefined],
  [["/ab*ba"], "/aba", undefined],
  [["/*", "!/assets/*"], "/assets/x", "assets"],
  [["/*", "!/assets/*"], "/x", "worker"],
  [["!/api/docs/*", "/api/*"], "/api/docs/x", "assets"],
  [["/a.b"], "/axb", undefined],
])("%j on %s", (rules, path, decision) => expect(workerFirst(parseRunWorkerFirst(rules), path)).toBe(decision));

test.each<[rules: unknown, message: string]>([
  ["yes", "true, false or a list"],
  [[], "at least one"],
  [["!/a"], "not negative"],
  [["a"], 'must start with "/"'],
  [["!a"], 'must start with "/"'],
  [[1], "must be text"],
  [["/a", "/a"], "twice"],
  [["/api/*", "/api/x"], "redundant"],
  [["/*", "!/a/*", "!/a/b"], "redundant"],
  [[`/${"x".repeat(100)}`], "longer than 100"],
  [Array.from({ length: 101 }, (_, i) => `/${i}`), "at most 100"],
])("%j is refused", (rules, message) => {
  expect(() => parseRunWorkerFirst(rules)).toThrow(WorkerFirstError);
  expect(() => parseRunWorkerFirst(rules)).toThrow(message);
});

test("100 rules of 100 characters are allowed", () => {
  const rules = Array.from({ length: 100 }, (_, i) => `/${String(i).padStart(99, "0")}`);
  expect(workerFirst(parseRunWorkerFirst(rules), rules[99] ?? "")).toBe("worker");
});
