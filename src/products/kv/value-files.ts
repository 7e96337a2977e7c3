import { randomBytes } from "node:crypto";
import { mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { removeFile } from "../../lib/durable-file.ts";
import { IncomingFile } from "../../lib/incoming-file.ts";

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
  readonly #incoming: IncomingFile;
  readonly #values: string;

  constructor(file: string, path: string, values: string) {
    this.file = file;
    this.#incoming = new IncomingFile(path);
    this.#values = values;
  }

  write(bytes: Buffer): Promise<void> {
    return this.#incoming.write(bytes);
  }

  /** Puts the file in place, durably. */
  finish(): Promise<void> {
    return this.#incoming.finish(async () => join(this.#values, this.file));
  }

  /** Forgets it. */
  abandon(): Promise<void> {
    return this.#incoming.abandon();
  }
}
