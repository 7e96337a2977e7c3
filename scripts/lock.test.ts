import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

interface LockEntry {
  version?: string;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}

/** A registry that lacks a platform's package makes npm leave it out of the lock, and `npm ci` then refuses the lock. */
test("package-lock.json has the packages of every platform, so that `npm ci` takes it", () => {
  const lock = readFileSync(join(import.meta.dirname, "..", "package-lock.json"), "utf8");
  const packages = JSON.parse(lock).packages as Record<string, LockEntry>;
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`],
    ),
  );
  expect(missing).toEqual([]);
});

test("package-lock.json names no registry", () => {
  expect(readFileSync(join(import.meta.dirname, "..", "package-lock.json"), "utf8")).not.toContain('"resolved"');
});
