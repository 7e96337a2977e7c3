import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { KeptFile, updateDurably, writeDurably } from "./durable-file.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "freehold-file-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it("writes and replaces files that only their owner reads, in directories it makes", async () => {
  const path = join(root, "a", "b", "file");
  await writeDurably(path, "one");
  await writeDurably(path, Buffer.from("two"));
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(root, "a")).mode & 0o777).toBe(0o700);
});

it("leaves a file alone that has the content already", async () => {
  const path = join(root, "file");
  await updateDurably(path, "one");
  const { ino } = statSync(path);
  await updateDurably(path, "one");
  expect(statSync(path).ino).toBe(ino);
  await updateDurably(path, "two");
  expect(readFileSync(path, "utf8")).toBe("two");
});

it("shows readers one whole content when many write at once", async () => {
  const path = join(root, "file");
  const contents = Array.from({ length: 10 }, (_, index) => String(index).repeat(10_000));
  await Promise.all(contents.map((content) => writeDurably(path, content)));
  expect(contents).toContain(readFileSync(path, "utf8"));
  expect(readdirSync(root)).toEqual(["file"]);
});

it("leaves no draft when it fails", async () => {
  mkdirSync(join(root, "taken"));
  await expect(writeDurably(join(root, "taken"), "x")).rejects.toThrow("EISDIR");
  expect(readdirSync(root)).toEqual(["taken"]);
});

it("keeps a file: made by the first text, written again when what counts of it changes, and after a failure", async () => {
  const path = join(root, "dir", "file");
  const file = new KeptFile(path);
  await file.write("1 a", "a");
  await file.write("2 a", "a");
  expect(readFileSync(path, "utf8")).toBe("1 a");
  rmSync(join(root, "dir"), { recursive: true });
  writeFileSync(join(root, "dir"), "");
  await expect(file.write("3 b", "b")).rejects.toThrow();
  rmSync(join(root, "dir"));
  await file.write("4 b", "b");
  expect(readFileSync(path, "utf8")).toBe("4 b");
});
