import { createHash } from "node:crypto";
import { access, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { removeFile, syncDirectory, writeDurably } from "../lib/durable-file.ts";
import type { Blobs } from "./platform.ts";

const KEY = /^[0-9a-f]{64}$/;

/** Name of a blob below the root of all: `<2 hex>/<62 hex>`. Throws on a key that is no SHA-256 in hex. */
export function blobName(key: string): string {
  if (!KEY.test(key)) throw new RangeError(`a blob key is 64 hex digits, got ${JSON.stringify(key.slice(0, 80))}`);
  return `${key.slice(0, 2)}/${key.slice(2)}`;
}

/** File of a blob. Throws as {@link blobName} does. */
export function blobPath(root: string, key: string): string {
  return join(root, blobName(key));
}

/** Under which key bytes are stored. */
export function blobKey(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The embedded driver of the `blobs` port: files named by the SHA-256 of their content. */
export function directoryBlobs(root: string): Blobs {
  return {
    async put(bytes) {
      const key = blobKey(bytes);
      const path = blobPath(root, key);
      if (!(await exists(path))) await writeDurably(path, bytes);
      // Also when it was there already: the one who wrote it may not have come this far yet.
      await Promise.all([syncDirectory(dirname(path)), syncDirectory(root)]);
      return key;
    },

    async get(key) {
      try {
        return await readFile(blobPath(root, key));
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },

    delete: (key) => removeFile(blobPath(root, key)),
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
