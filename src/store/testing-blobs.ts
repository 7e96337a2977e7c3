import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import type { Blobs } from "./platform.ts";

/** What every driver of the `blobs` port does. `blobs` gives an empty store. */
export function blobsContract(blobs: () => Blobs): void {
  it("names content by its SHA-256 and gives it back", async () => {
    const bytes = Buffer.from([0, 1, 2, 255]);
    const key = await blobs().put(bytes);
    expect(key).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(Buffer.from((await blobs().get(key)) ?? [])).toEqual(bytes);
  });

  it("stores the empty blob, and one of some megabytes", async () => {
    expect(await blobs().get(await blobs().put(new Uint8Array()))).toHaveLength(0);
    const large = Buffer.alloc(6_000_000, "large");
    const found = await blobs().get(await blobs().put(large));
    expect(large.equals(found ?? Buffer.alloc(0))).toBe(true);
  });

  it("stores the same many times at once", async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => blobs().put(Buffer.from("same"))));
    expect(new Set(keys).size).toBe(1);
    expect(Buffer.from((await blobs().get(keys[0] ?? "")) ?? []).toString()).toBe("same");
  });

  it("forgets what is deleted, and takes it anew", async () => {
    const key = await blobs().put(Buffer.from("x"));
    await blobs().delete(key);
    await blobs().delete(key);
    expect(await blobs().get(key)).toBeUndefined();
    await blobs().put(Buffer.from("x"));
    expect(await blobs().get(key)).toBeDefined();
  });

  it("has nothing under an unknown key", async () => {
    expect(await blobs().get("0".repeat(64))).toBeUndefined();
  });

  it.each(["", "abc", "A".repeat(64), `../${"a".repeat(61)}`, `${"a".repeat(64)}\n`])(
    "refuses the key %j",
    async (key) => {
      await expect(blobs().get(key)).rejects.toThrow(RangeError);
      await expect((async () => blobs().delete(key))()).rejects.toThrow(RangeError);
    },
  );
}
