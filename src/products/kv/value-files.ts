import { randomBytes } from "node:crypto";
import { mkdirSync, openSync, rmSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { removeFile, syncDirectory } from "../../lib/durable-file.ts";

/**
 * Large values: immutable files, each written whole, synced, and only then named and put in place. The name says nothing;
 * which key it belongs to stands in the rows.
 */
export class ValueFiles {
  readonly #values: string;
  readonly #incoming: string;

  /** `directory` is the namespace's. What an earlier process had not finished is removed. */
  constructor(directory: string) {
    this.#values = join(directory, "values");
    this.#incoming = join(directory, "incoming");
    rmSync(this.#incoming, { recursive: true, force: true });
  }

  /** Begins a file. */
  create(): ValueWriter {
    mkdirSync(this.#values, { recursive: true, mode: 0o700 });
    mkdirSync(this.#incoming, { recursive: true, mode: 0o700 });
    const file = randomBytes(16).toString("hex");
    return new ValueWriter(file, join(this.#incoming, `${file}.tmp`), this.#values);
  }

  /** A descriptor to read it, which the caller closes. */
  open(file: string): number {
    return openSync(join(this.#values, file), "r");
  }

  async remove(file: string): Promise<void> {
    await removeFile(join(this.#values, file));
  }
}

/** One file that is being written. */
export class ValueWriter {
  readonly file: string;
  readonly #path: string;
  readonly #values: string;
  readonly #handle: Promise<FileHandle>;

  constructor(file: string, path: string, values: string) {
    this.file = file;
    this.#path = path;
    this.#values = values;
    this.#handle = open(path, "wx", 0o600);
    // Whoever writes is told.
    this.#handle.catch(() => {});
  }

  async write(bytes: Buffer): Promise<void> {
    const handle = await this.#handle;
    for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
  }

  /** Puts the file in place, durably. */
  async finish(): Promise<void> {
    const handle = await this.#handle;
    await handle.sync();
    await handle.close();
    await rename(this.#path, join(this.#values, this.file));
    await syncDirectory(this.#values);
  }

  /** Forgets it. */
  async abandon(): Promise<void> {
    await this.#handle.then((handle) => handle.close()).catch(() => {});
    await removeFile(this.#path).catch(() => {});
  }
}
