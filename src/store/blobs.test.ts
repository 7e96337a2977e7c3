import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blobPath, directoryBlobs } from "./blobs.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "freehold-blobs-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("directoryBlobs", () => {
  it("names content by its SHA-256 and gives it back", async () => {
    const blobs = directoryBlobs(join(root, "made", "when", "needed"));
    const bytes = Buffer.from([0, 1, 2, 255]);
    const key = await blobs.put(bytes);
    expect(key).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(Buffer.from((await blobs.get(key)) ?? [])).toEqual(bytes);
  });

  it("stores the empty blob", async () => {
    const blobs = directoryBlobs(root);
    expect(await blobs.get(await blobs.put(new Uint8Array()))).toHaveLength(0);
  });

  it("leaves one file when the same is stored many times at once", async () => {
    const blobs = directoryBlobs(root);
    const keys = await Promise.all(Array.from({ length: 20 }, () => blobs.put(Buffer.from("same"))));
    expect(new Set(keys).size).toBe(1);
    const key = keys[0] ?? "";
    expect(readdirSync(root)).toEqual([key.slice(0, 2)]);
    expect(readdirSync(join(root, key.slice(0, 2)))).toEqual([key.slice(2)]);
  });

  it("forgets what is deleted, and takes it anew", async () => {
    const blobs = directoryBlobs(root);
    const key = await blobs.put(Buffer.from("x"));
    await blobs.delete(key);
    await blobs.delete(key);
    expect(await blobs.get(key)).toBeUndefined();
    await blobs.put(Buffer.from("x"));
    expect(await blobs.get(key)).toBeDefined();
  });

  it("has nothing under an unknown key", async () => {
    expect(await directoryBlobs(root).get("0".repeat(64))).toBeUndefined();
  });

  it.each(["", "abc", "A".repeat(64), `../${"a".repeat(61)}`, `${"a".repeat(64)}\n`])(
    "refuses the key %j",
    async (key) => {
      await expect(directoryBlobs(root).get(key)).rejects.toThrow(RangeError);
      expect(() => blobPath(root, key)).toThrow(RangeError);
    },
  );
});
