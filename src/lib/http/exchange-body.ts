import type { BodySink, Exchange } from "./exchange.ts";

/** Bytes that wait to be taken before the client is paused. */
const MAX_QUEUED_BYTES = 512 * 1024;

/** The body broke off: the client is gone, or sent nonsense. */
export class BodyLost extends Error {
  override name = "BodyLost";
}

/**
 * A request's body as an iterable, at the speed of whoever takes it. It throws {@link BodyLost} when the rest does not come.
 * Nothing is read before it is made, and what has not been taken when the answer is given is not read at all: see `discard`.
 */
export class ExchangeBody<State> implements BodySink, AsyncIterable<Buffer> {
  readonly #exchange: Exchange<State>;
  #queue: Buffer[] = [];
  #queued = 0;
  #ended = false;
  #lost = false;
  /** Bytes that may still be read over. */
  #discarding: number | undefined;
  #wake: (() => void) | undefined;

  /** Longer than `maxBytes`: the request is answered with 413, and the iteration ends as if the client had gone. */
  constructor(exchange: Exchange<State>, maxBytes?: number) {
    this.#exchange = exchange;
    exchange.streamBody(this, maxBytes);
  }

  /** Exactly so many bytes from where it stands. Throws {@link BodyLost} when there are fewer. */
  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = count; left > 0; ) {
      const bytes = await this.#next();
      if (bytes === undefined) throw new BodyLost("The body is shorter than it should be.");
      parts.push(bytes.subarray(0, left));
      if (bytes.length > left) {
        this.#queue.unshift(bytes.subarray(left));
        this.#queued += bytes.length - left;
      }
      left -= Math.min(left, bytes.length);
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  /**
   * Reads over the rest, so that a client that sends before it reads comes to see the answer; not more than so many bytes.
   * Resolves when that is done.
   */
  async discard(maxBytes: number): Promise<void> {
    this.#discarding = maxBytes - this.#queued;
    this.#queue = [];
    this.#queued = 0;
    this.#exchange.resumeBody();
    while (!this.#ended && !this.#lost && this.#discarding > 0) await this.#woken();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void> {
    for (;;) {
      const bytes = await this.#next();
      if (bytes === undefined) return;
      yield bytes;
    }
  }

  // What the exchange calls.

  write(bytes: Buffer): boolean {
    if (this.#discarding !== undefined) {
      this.#discarding -= bytes.length;
      if (this.#discarding > 0) return true;
      this.#signal();
      return false;
    }
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    this.#signal();
    return this.#queued < MAX_QUEUED_BYTES;
  }

  end(): void {
    this.#ended = true;
    this.#signal();
  }

  cancel(): void {
    this.#lost = true;
    this.#queue = [];
    this.#signal();
  }

  async #next(): Promise<Buffer | undefined> {
    for (;;) {
      const bytes = this.#queue.shift();
      if (bytes !== undefined) {
        this.#queued -= bytes.length;
        if (this.#queued < MAX_QUEUED_BYTES / 2) this.#exchange.resumeBody();
        return bytes;
      }
      if (this.#lost) throw new BodyLost("The client is gone.");
      if (this.#ended) return undefined;
      await this.#woken();
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

/**
 * The same, but nothing is read, and a client that waits for `100 Continue` does not get it, before somebody begins to take
 * it. To be iterated once.
 */
export async function* requestBody<State>(exchange: Exchange<State>, maxBytes: number): AsyncGenerator<Buffer, void> {
  if (!exchange.open) throw new BodyLost("The client is gone.");
  yield* new ExchangeBody(exchange, maxBytes);
}
