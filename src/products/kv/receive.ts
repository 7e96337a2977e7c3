import type { BodySink, Exchange } from "../../lib/http/exchange.ts";
import { MAX_DRAINED_BYTES, MAX_INLINE_BYTES, MAX_QUEUED_BYTES, MAX_VALUE_BYTES } from "./limits.ts";
import type { KvAttributes, KvNamespace } from "./namespace.ts";
import type { ValueWriter } from "./value-files.ts";
import { checkValueLength } from "./wire.ts";

const NOTHING = Buffer.alloc(0);

/**
 * Takes a value as it comes: a small one in memory, a larger one into its file, at the speed of the disk. Nothing is
 * visible before all is there.
 */
export class ValueReceiver<State> implements BodySink {
  readonly #exchange: Exchange<State>;
  readonly #namespace: KvNamespace;
  readonly #key: Uint8Array;
  readonly #attributes: KvAttributes;
  readonly #done: (error?: unknown) => void;
  readonly #release: () => void;
  #parts: Buffer[] = [];
  #size = 0;
  #writer: ValueWriter | undefined;
  /** What waits to be written, and whether a write is under way. */
  #queue: Buffer[] = [];
  #queued = 0;
  #writing = false;
  #ended = false;
  #over = false;

  /** `done` is called once unless the client goes away: with the reason when nothing was stored. */
  constructor(
    exchange: Exchange<State>,
    namespace: KvNamespace,
    key: Uint8Array,
    attributes: KvAttributes,
    done: (error?: unknown) => void,
  ) {
    this.#exchange = exchange;
    this.#namespace = namespace;
    this.#key = key;
    this.#attributes = attributes;
    // A slow sender may take long, and nobody else use the namespace meanwhile.
    const release = namespace.hold();
    this.#release = release;
    this.#done = (error) => {
      release();
      done(error);
    };
  }

  write(bytes: Buffer): boolean {
    this.#size += bytes.length;
    if (this.#over) {
      if (this.#size > MAX_DRAINED_BYTES) this.#refuseLength();
      return true;
    }
    if (this.#size > MAX_VALUE_BYTES) {
      // Read to its end, so that the sender gets the answer; kept no more.
      this.#over = true;
      this.#abandon();
      return true;
    }
    if (this.#writer === undefined && this.#size <= MAX_INLINE_BYTES) {
      this.#parts.push(bytes);
      return true;
    }
    try {
      this.#writer ??= this.#namespace.files.create();
    } catch (error) {
      this.#over = true;
      this.#done(error);
      return true;
    }
    this.#queue.push(...this.#parts, bytes);
    this.#parts = [];
    this.#queued = this.#queue.reduce((sum, { length }) => sum + length, 0);
    if (!this.#writing) void this.#write(this.#writer);
    return this.#queued < MAX_QUEUED_BYTES;
  }

  end(): void {
    this.#ended = true;
    if (this.#over) this.#refuseLength();
    else if (this.#writer === undefined) {
      const { length } = this.#parts;
      const value = length === 0 ? NOTHING : length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
      try {
        this.#namespace.put(this.#key, value, this.#attributes).then(() => this.#done(), this.#done);
      } catch (error) {
        this.#done(error);
      }
    } else if (!this.#writing) this.#finish(this.#writer);
  }

  cancel(): void {
    this.#release();
    this.#abandon();
  }

  async #write(writer: ValueWriter): Promise<void> {
    this.#writing = true;
    try {
      while (this.#queue.length > 0) {
        const bytes = Buffer.concat(this.#queue);
        this.#queue = [];
        this.#queued = 0;
        this.#exchange.resumeBody();
        await writer.write(bytes);
        if (this.#writer !== writer) return;
      }
    } catch (error) {
      if (this.#writer !== writer) return;
      this.#abandon();
      this.#done(error);
      return;
    } finally {
      this.#writing = false;
    }
    if (this.#ended) this.#finish(writer);
  }

  #finish(writer: ValueWriter): void {
    this.#namespace.putFile(this.#key, writer, this.#size, this.#attributes).then(
      () => this.#done(),
      (error) => {
        this.#abandon();
        this.#done(error);
      },
    );
  }

  #abandon(): void {
    const writer = this.#writer;
    this.#writer = undefined;
    this.#parts = [];
    this.#queue = [];
    void writer?.abandon();
  }

  #refuseLength(): void {
    try {
      checkValueLength(this.#size);
    } catch (error) {
      this.#done(error);
    }
  }
}
