import { close, fdatasync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { namesIn, segmentName, sortFiles } from "./host/files.ts";

const sync = promisify(fdatasync);
const closed = promisify(close);

/** The file that rows of a stream are appended to (`host/files.ts`). Node's file may be closed in between. */
export class Segment {
  /** UTC, as `YYYY-MM-DD`: rows that come on another day go to another segment. */
  readonly date: string;
  readonly #directory: string;
  readonly #id: number;
  #descriptor: number | undefined;
  #isWritten = false;
  /** Syncs and closes, one after the other. */
  #work: Promise<void> = Promise.resolve();
  size = 0;
  usedAtMs = 0;

  private constructor(directory: string, date: string, id: number) {
    this.#directory = directory;
    this.date = date;
    this.#id = id;
  }

  /** A new one, with an id after all there are or were. */
  static create(stream: string, date: string): Segment {
    const directory = join(stream, date);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { live, replaced } = sortFiles(namesIn(directory));
    const last = Math.max(0, ...[...live, ...replaced].map((file) => file.last));
    return new Segment(directory, date, last + 1);
  }

  get isOpen(): boolean {
    return this.#descriptor !== undefined;
  }

  /** Throws when the disk is full, or the file cannot be opened. */
  append(text: string): void {
    if (this.#descriptor === undefined) {
      this.#descriptor = openSync(this.#path("open"), "a", 0o600);
      this.size = fstatSync(this.#descriptor).size;
    }
    this.#isWritten = true;
    this.size += writeSync(this.#descriptor, text);
  }

  /** Sees that what was written is on disk. */
  sync(): Promise<void> {
    return this.#then(async () => {
      if (this.#descriptor === undefined || !this.#isWritten) return;
      this.#isWritten = false;
      await sync(this.#descriptor);
    });
  }

  /** Frees the file; what comes later opens it again. */
  async rest(): Promise<void> {
    await this.sync();
    await this.#then(async () => {
      const descriptor = this.#descriptor;
      this.#descriptor = undefined;
      if (descriptor !== undefined) await closed(descriptor);
    });
  }

  /** Nothing is appended any more: the file may be packed. */
  async seal(): Promise<void> {
    await this.rest();
    try {
      renameSync(this.#path("open"), this.#path("seg"));
    } catch (error) {
      // Nothing was ever written, or it has expired.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  #path(kind: "open" | "seg"): string {
    return join(this.#directory, segmentName(this.#id, kind));
  }

  #then(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work, work);
    return this.#work;
  }
}
