import type { Hash } from "node:crypto";
import { once } from "node:events";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { Writable } from "node:stream";
import { type TarFile, tarEnd, tarHeader, tarPadding } from "../../lib/tar.ts";
import { DATA, type ManifestFile, newHash } from "./format.ts";

/** Bytes that are read, and handed on, at once. */
const BLOCK_BYTES = 256 * 1024;

/** Writes files into a tar archive, one block of memory at a time, and keeps the list of them. */
export class ArchiveWriter {
  readonly files: ManifestFile[] = [];
  readonly #sink: Writable;
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #filled = 0;

  constructor(sink: Writable) {
    this.#sink = sink;
  }

  /** Adds a file under a path; false when it is no more. Throws when it becomes shorter meanwhile. */
  async addFile(path: string, source: string): Promise<boolean> {
    const descriptor = openIfPresent(source);
    if (descriptor === undefined) return false;
    try {
      const { size, mode, mtimeMs } = fstatSync(descriptor);
      await this.#write(tarHeader({ name: DATA + path, size, mode: mode & 0o777, modifiedSeconds: mtimeMs / 1000 }));
      const hash = newHash();
      // What is appended meanwhile is left for the next backup.
      for (let left = size; left > 0; ) left -= await this.#copy(descriptor, left, hash, path);
      await this.#write(tarPadding(size));
      this.files.push({ path, size, sha256: hash.digest("hex") });
      return true;
    } finally {
      closeSync(descriptor);
    }
  }

  /** Adds a text that stands beside the data. */
  async addText(name: string, text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const file: TarFile = { name, size: bytes.length, mode: 0o600, modifiedSeconds: Date.now() / 1000 };
    await this.#write(tarHeader(file));
    await this.#write(bytes);
    await this.#write(tarPadding(bytes.length));
  }

  async end(): Promise<void> {
    await this.#write(tarEnd);
    await this.#flush();
    this.#sink.end();
  }

  /** Reads straight into the block. */
  async #copy(descriptor: number, most: number, hash: Hash, path: string): Promise<number> {
    if (this.#filled === BLOCK_BYTES) await this.#flush();
    const count = readSync(descriptor, this.#block, this.#filled, Math.min(most, BLOCK_BYTES - this.#filled), null);
    if (count === 0) throw new Error(`${path} became shorter while it was copied`);
    hash.update(this.#block.subarray(this.#filled, this.#filled + count));
    this.#filled += count;
    return count;
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#filled === BLOCK_BYTES) await this.#flush();
      const count = bytes.copy(this.#block, this.#filled, at);
      this.#filled += count;
      at += count;
    }
  }

  async #flush(): Promise<void> {
    const full = this.#block.subarray(0, this.#filled);
    // The sink keeps what it was given until it has written it.
    this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#filled = 0;
    if (!this.#sink.write(full)) await once(this.#sink, "drain");
  }
}

function openIfPresent(path: string): number | undefined {
  try {
    // What sandboxed code puts in its directories must not lead elsewhere.
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
