import { randomBytes } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { removeFile } from "../../lib/durable-file.ts";
import { errors } from "./errors.ts";

/** A content of up to so many bytes is written in one piece. Larger ones pass through memory in the pieces they come in. */
const HELD_BYTES = 256 * 1024;

/** A content on its way to the disk, in a file of its own that no one else sees. */
export class ContentDraft {
  readonly path: string;
  readonly hash: string;
  /** Announced size in bytes. */
  readonly size: number;
  #received = 0;
  #held: Buffer[] = [];
  #file: FileHandle | undefined;

  constructor(directory: string, hash: string, size: number) {
    this.path = join(directory, randomBytes(12).toString("hex"));
    this.hash = hash;
    this.size = size;
  }

  /** Throws an `ApiError` as soon as there is more than was announced. */
  async write(bytes: Buffer): Promise<void> {
    this.#received += bytes.length;
    if (this.#received > this.size)
      throw errors.badContent(this.hash, `it has more than the ${this.size} bytes that were announced`);
    this.#held.push(bytes);
    if (this.size > HELD_BYTES) await this.#flush();
  }

  /** Call when everything was written. Throws an `ApiError` when that is less than was announced. */
  end(): void {
    if (this.#received !== this.size) {
      throw errors.badContent(this.hash, `it has ${this.#received} bytes, and ${this.size} were announced`);
    }
  }

  /** Resolves when the content is on disk. */
  async finish(): Promise<void> {
    try {
      const file = await this.#flush();
      // The size is part of what this makes durable; times are not, and nobody needs them.
      await file.datasync();
    } finally {
      await this.#close();
    }
  }

  /** Removes the file. */
  async discard(): Promise<void> {
    await this.#close();
    await removeFile(this.path);
  }

  async #flush(): Promise<FileHandle> {
    this.#file ??= await open(this.path, "wx", 0o600);
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) await writeAll(this.#file, bytes);
    return this.#file;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}
