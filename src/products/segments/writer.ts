import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { MAX_OPEN_SEGMENTS, MAX_WAITING_BYTES, SEGMENT_BYTES, SYNC_DELAY_MS, WRITE_DELAY_MS } from "./limits.ts";
import { Segment } from "./segment.ts";

/** Rows of one kind of an account, which go to one directory (`host/files.ts`). */
export class Stream {
  readonly accountId: string;
  readonly name: string;
  readonly directory: string;
  segment: Segment | undefined;
  waiting = "";

  constructor(accountId: string, name: string, directory: string) {
    this.accountId = accountId;
    this.name = name;
    this.directory = directory;
  }
}

export interface WriterOptions {
  /** Directory of the accounts' directories. */
  root: string;
  /** Streams that an account may have. */
  maxStreams: number;
  /** A segment of the account is full. */
  sealed(accountId: string): void;
  /** Lines could not be written. */
  lost(stream: Stream, lines: number, why: string): void;
  log(line: string): void;
}

/**
 * Lines on their way to disk. Nobody waits for it: what comes together is written together, a little later, and is on disk for
 * certain within a second more. So a process that is killed loses `WRITE_DELAY_MS` of lines, and a machine without power
 * `SYNC_DELAY_MS` besides.
 */
export class SegmentWriter {
  readonly #options: WriterOptions;
  readonly #streams = new Map<string, Stream>();
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #syncTimer: NodeJS.Timeout | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Where an account's rows of that name go; undefined when it has too many. Both become parts of paths and must have been checked. */
  stream(accountId: string, name: string): Stream | undefined {
    const key = `${accountId}/${name}`;
    const known = this.#streams.get(key);
    if (known) return known;
    const { root, maxStreams } = this.#options;
    const account = join(root, accountId);
    const directory = join(account, name);
    if (!existsSync(directory) && existsSync(account) && readdirSync(account).length >= maxStreams) return undefined;
    const stream = new Stream(accountId, name, directory);
    this.#streams.set(key, stream);
    return stream;
  }

  /** Whether more wait than may: further lines must be dropped. */
  get isFull(): boolean {
    return this.#waitingBytes > MAX_WAITING_BYTES;
  }

  /** Takes lines, each with its end. */
  append(stream: Stream, lines: string): void {
    stream.waiting += lines;
    this.#waitingBytes += lines.length;
    this.#timer ??= setTimeout(() => this.flush(), WRITE_DELAY_MS);
  }

  /** Writes what waits, so that a query sees it. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const date = new Date().toISOString().slice(0, 10);
    for (const stream of this.#streams.values()) if (stream.waiting !== "") this.#write(stream, date);
    this.#waitingBytes = 0;
    this.#closeSome();
    this.#syncTimer ??= setTimeout(() => void this.#sync(), SYNC_DELAY_MS);
  }

  /** Seals segments of days that are over, and forgets streams that nothing is written to. */
  async sealPast(today: string): Promise<void> {
    for (const [key, stream] of this.#streams) {
      if (stream.waiting !== "" || stream.segment?.date === today) continue;
      this.#streams.delete(key);
      await this.#seal(stream);
    }
  }

  /** Lets go of a segment that is being removed. */
  async release(directory: string, date: string): Promise<void> {
    for (const stream of this.#streams.values()) {
      if (stream.directory === directory && stream.segment?.date === date) await this.#seal(stream);
    }
  }

  /** Whether lines are being appended to a segment of that day. */
  isOpen(directory: string, date: string): boolean {
    for (const stream of this.#streams.values()) {
      if (stream.directory === directory && stream.segment?.date === date) return true;
    }
    return false;
  }

  /** Writes everything; resolves when it is on disk. */
  async close(): Promise<void> {
    this.flush();
    clearTimeout(this.#syncTimer);
    await Promise.all([...this.#streams.values()].map(({ segment }) => segment?.rest()));
  }

  #write(stream: Stream, date: string): void {
    const text = stream.waiting;
    stream.waiting = "";
    try {
      if (stream.segment && (stream.segment.date !== date || stream.segment.size >= SEGMENT_BYTES)) {
        void this.#seal(stream);
      }
      stream.segment ??= Segment.create(stream.directory, date);
      stream.segment.append(text);
      stream.segment.usedAtMs = performance.now();
    } catch (error) {
      this.#options.lost(stream, text.split("\n").length - 1, (error as Error).message);
    }
  }

  /** The next line begins another. */
  async #seal(stream: Stream): Promise<void> {
    const { segment } = stream;
    stream.segment = undefined;
    if (!segment) return;
    try {
      await segment.seal();
      this.#options.sealed(stream.accountId);
    } catch (error) {
      this.#options.log(`${stream.directory}: ${(error as Error).message}`);
    }
  }

  #closeSome(): void {
    const open = [...this.#streams.values()].flatMap(({ segment }) => (segment?.isOpen ? [segment] : []));
    if (open.length <= MAX_OPEN_SEGMENTS) return;
    open.sort((a, b) => a.usedAtMs - b.usedAtMs);
    for (const segment of open.slice(0, open.length - MAX_OPEN_SEGMENTS)) this.#quietly(segment.rest());
  }

  async #sync(): Promise<void> {
    this.#syncTimer = undefined;
    for (const { segment } of this.#streams.values()) if (segment) this.#quietly(segment.sync());
  }

  #quietly(work: Promise<void>): void {
    work.catch((error: Error) => this.#options.log(`segments in ${this.#options.root}: ${error.message}`));
  }
}
