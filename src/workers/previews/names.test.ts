import { expect, test } from "vitest";
import { previewSlug } from "./names.ts";

const free = () => false;

test.each([
  ["main", "main"],
  ["Feature/Add Login!", "feature-add-login"],
  ["--x--", "x"],
])("%j is called %s", (name, slug) => {
  expect(previewSlug(name, "app", free)).toBe(slug);
});

test("names that would be no label, or be a version's, get a hash", () => {
  for (const name of ["ü", "deadbeef", "x".repeat(100), "a".repeat(60)]) {
    const slug = previewSlug(name, "app", free);
    expect(`${slug}-app`).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    expect(slug).not.toMatch(/^[0-9a-f]{8}$/);
  }
});

test("names that become the same are told apart", () => {
  const taken = new Set<string>();
  for (const name of ["a/b", "a-b", "A b"]) {
    const slug = previewSlug(name, "app", (one) => taken.has(one));
    expect(taken.has(slug)).toBe(false);
    taken.add(slug);
  }
  expect(taken.size).toBe(3);
});

test("a long Worker's name leaves little room", () => {
  expect(`${previewSlug("feature", "w".repeat(56), free)}-${"w".repeat(56)}`).toHaveLength(63);
});
