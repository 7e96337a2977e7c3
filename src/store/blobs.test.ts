import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { directoryBlobs } from "./blobs.ts";
import { blobsContract } from "./testing-blobs.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "freehold-blobs-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

// The other driver passes it in `products/s3/blobs.test.ts`, where there is an S3 server.
describe("directoryBlobs", () => {
  blobsContract(() => directoryBlobs(join(root, "made", "when", "needed")));

  it("leaves one file when the same is stored many times at once", async () => {
    const blobs = directoryBlobs(root);
    const [key = ""] = await Promise.all(Array.from({ length: 20 }, () => blobs.put(Buffer.from("same"))));
    expect(readdirSync(root)).toEqual([key.slice(0, 2)]);
    expect(readdirSync(join(root, key.slice(0, 2)))).toEqual([key.slice(2)]);
  });
});
