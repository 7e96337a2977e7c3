import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bucket } from "./bucket.ts";
import { Buckets, type BucketsOptions } from "./buckets.ts";

export const ACCOUNT = "a".repeat(32);

/** Buckets in a directory of their own. */
export class TestBuckets implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "fh-r2-"));
  buckets: Buckets;
  readonly #options: BucketsOptions;

  constructor(options: BucketsOptions = {}) {
    this.#options = options;
    this.buckets = new Buckets(this.root, options);
  }

  async make(name = "things"): Promise<Bucket> {
    await this.buckets.create(ACCOUNT, name);
    return this.buckets.require(ACCOUNT, name);
  }

  /** As after a restart. */
  reopen(): Buckets {
    this.buckets.close();
    this.buckets = new Buckets(this.root, this.#options);
    return this.buckets;
  }

  [Symbol.dispose](): void {
    this.buckets.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Bytes that tell where they are. */
export function pattern(size: number, seed = 0): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + seed) & 255;
  return bytes;
}

/** The content that a get found. */
export async function bytesOf(found: Awaited<ReturnType<Bucket["get"]>>): Promise<Buffer> {
  if (!found?.found) throw new Error("nothing was found");
  return found.body.bytes();
}

export async function* inChunks(bytes: Buffer, size = 10_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
