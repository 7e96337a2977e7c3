import { closeSync, readSync } from "node:fs";
import type { BodySource, Exchange } from "../../lib/http/exchange.ts";
import { type FileSink, FileSource } from "../../lib/http/file-source.ts";
import { IterableSource } from "../../lib/http/iterable-source.ts";
import { chunksOf } from "./content-bytes.ts";
import type { ContentRange, Contents } from "./contents.ts";
import type { CustomerKey } from "./model.ts";
import type { Piece } from "./rows.ts";
import { readSealed } from "./sealed.ts";

/** Up to this size a file is read at once. */
const MAX_AT_ONCE_BYTES = 256 * 1024;

/** Memory of the last such answer, once the system has it. */
let scratch: Buffer | undefined;

function takeScratch(bytes: number): Buffer {
  const chunk = scratch !== undefined && scratch.length >= bytes ? scratch : undefined;
  scratch = chunk === undefined ? scratch : undefined;
  return chunk ?? Buffer.allocUnsafeSlow(Math.max(bytes, MAX_AT_ONCE_BYTES / 2));
}

/** Sends head and content in one piece: most files are in the system's cache, and reading them elsewhere costs more. */
function sendAtOnce<State>(
  exchange: Exchange<State>,
  head: string,
  { descriptor, offset, length }: { descriptor: number; offset: number; length: number },
): void {
  const start = head.length;
  const chunk = takeScratch(start + length);
  chunk.write(head, 0, "latin1");
  let at = 0;
  try {
    for (let count = 1; at < length && count > 0; at += count) {
      count = readSync(descriptor, chunk, start + at, length - at, offset + at);
    }
  } finally {
    closeSync(descriptor);
  }
  if (at < length) {
    exchange.cut();
    return;
  }
  exchange.write("", chunk.subarray(0, start + length));
  if (exchange.flushed) scratch = chunk;
  exchange.end();
}

/** A part of a content. */
export interface Slice {
  piece: Piece;
  offset: number;
  length: number;
}

/** Where the bytes of an object are. */
export type BodyPlan = { inline: Buffer } | { slices: Slice[]; customerKey: CustomerKey | undefined };

/**
 * The bytes of an object that was found, or of a range of it. They stay readable whatever happens to the object, until they
 * have been taken in one of two ways, or `cancel` is called: one of the three must be.
 */
export class ObjectBody {
  /** Bytes that it gives. */
  readonly length: number;
  readonly #contents: Contents;
  readonly #plan: BodyPlan;
  readonly #release: () => void;

  constructor(contents: Contents, plan: BodyPlan, release: () => void) {
    this.#contents = contents;
    this.#plan = plan;
    this.#release = release;
    this.length = "inline" in plan ? plan.inline.length : plan.slices.reduce((sum, { length }) => sum + length, 0);
  }

  /** All bytes of an object that stands in its row. */
  get inline(): Buffer | undefined {
    return "inline" in this.#plan ? this.#plan.inline : undefined;
  }

  /** The contents that it reads from. */
  get pieces(): Piece[] {
    return "slices" in this.#plan ? this.#plan.slices.map(({ piece }) => piece) : [];
  }

  /** Nobody wants it. */
  cancel(): void {
    this.#release();
  }

  /** The bytes as they are read. */
  async *chunks(): AsyncGenerator<Buffer, void> {
    try {
      if ("inline" in this.#plan) yield this.#plan.inline;
      else for (const slice of this.#plan.slices) yield* this.#read(slice);
    } finally {
      this.#release();
    }
  }

  /** All bytes at once; for small objects. */
  async bytes(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.chunks()) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** Sends an answer: `head`, which has begun with `exchange.startAnswer()`, then the bytes. At the speed of the client. */
  sendTo<State>(exchange: Exchange<State>, head: string): void {
    if ("inline" in this.#plan || this.length === 0) {
      if ("inline" in this.#plan && this.length > 0) exchange.write(head, this.#plan.inline);
      else exchange.write(head);
      this.#release();
      exchange.end();
      return;
    }
    const { slices, customerKey } = this.#plan;
    let opened: ReturnType<Contents["read"]> | undefined;
    if (slices.length === 1 && customerKey === undefined && this.length <= MAX_AT_ONCE_BYTES) {
      const range = this.#open(slices[0] as Slice);
      if ("descriptor" in range) {
        this.#release();
        sendAtOnce(exchange, head, range);
        return;
      }
      opened = range;
    }
    const open = (slice: Slice) => {
      const range = opened ?? this.#open(slice);
      opened = undefined;
      return range;
    };
    exchange.write(head);
    exchange.writeFrom(
      customerKey === undefined
        ? new SlicesSource(exchange, slices, open, this.#release)
        : new IterableSource(exchange, this.chunks()),
    );
  }

  #open({ piece, offset, length }: Slice): ReturnType<Contents["read"]> {
    return this.#contents.read(piece.file, offset, length);
  }

  async *#read(slice: Slice): AsyncGenerator<Buffer, void> {
    const { customerKey } = this.#plan as { customerKey: CustomerKey | undefined };
    if (customerKey !== undefined) {
      yield* readSealed(this.#contents, slice.piece, customerKey, slice.offset, slice.length);
    } else yield* chunksOf(await this.#open(slice));
  }
}

/** Slices one after the other: files as they are, streams as they come. */
class SlicesSource<State> implements BodySource, FileSink {
  readonly #exchange: Exchange<State>;
  readonly #slices: Slice[];
  readonly #open: (slice: Slice) => ContentRange | Promise<ContentRange>;
  readonly #release: () => void;
  #at = 0;
  #current: BodySource | undefined;
  /** The client keeps up. */
  #flowing = true;
  #over = false;

  constructor(
    exchange: Exchange<State>,
    slices: Slice[],
    open: (slice: Slice) => ContentRange | Promise<ContentRange>,
    release: () => void,
  ) {
    this.#exchange = exchange;
    this.#slices = slices;
    this.#open = open;
    this.#release = release;
  }

  // As the source of the exchange.

  resume(): void {
    this.#flowing = true;
    if (this.#current) this.#current.resume();
    else this.#next();
  }

  cancel(): void {
    this.#over = true;
    this.#current?.cancel();
    this.#release();
  }

  // As what the present slice is written to.

  get open(): boolean {
    return !this.#over && this.#exchange.open;
  }

  write(text: string, bytes: Buffer): boolean {
    this.#flowing = this.#exchange.write(text, bytes);
    return this.#flowing;
  }

  end(): void {
    this.#current = undefined;
    if (this.#at === this.#slices.length) {
      this.#over = true;
      this.#release();
      this.#exchange.end();
    } else if (this.#flowing) this.#next();
  }

  cut(): void {
    this.#exchange.cut();
  }

  #next(): void {
    const slice = this.#slices[this.#at];
    if (slice === undefined || this.#over) return;
    this.#at++;
    try {
      const range = this.#open(slice);
      if (range instanceof Promise) range.then((ready) => this.#begin(ready)).catch(() => this.cut());
      else this.#begin(range);
    } catch (error) {
      console.error("R2: a content cannot be read:", error);
      this.cut();
    }
  }

  #begin(range: ContentRange): void {
    this.#current =
      "chunks" in range
        ? new IterableSource(this, range.chunks)
        : new FileSource(this, range.descriptor, range.offset, range.length);
    if (this.#over) this.#current.cancel();
    else this.#current.resume();
  }
}
