import type { BodySink, Exchange } from "./exchange.ts";

/** What has come and was not taken yet, before the sender has to wait. */
const MAX_QUEUED_BYTES = 1024 * 1024;

/** The sender went away, or sent nonsense, before its body was whole. */
export class BodyLost extends Error {
  override name = "BodyLost";

  constructor() {
    super("the request's body broke off");
  }
}

/**
 * The request's body as it comes, to be iterated once. Nothing is read, and a client that waits for `100 Continue` does not
 * get it, before that begins; the sender is held back while nobody takes what has come. Throws {@link BodyLost}. Longer
 * than `maxBytes`: the request is answered with 413, and the iteration ends so.
 */
export async function* requestBody<State>(exchange: Exchange<State>, maxBytes: number): AsyncGenerator<Buffer, void> {
  const sink = new Queue();
  if (!exchange.open) throw new BodyLost();
  exchange.streamBody(sink, maxBytes);
  for (;;) {
    const bytes = sink.take();
    if (bytes !== undefined) {
      if (sink.wasFull) exchange.resumeBody();
      yield bytes;
    } else if (sink.state === "ended") return;
    else if (sink.state === "lost") throw new BodyLost();
    else await sink.change();
  }
}

class Queue implements BodySink {
  state: "open" | "ended" | "lost" = "open";
  readonly #queue: Buffer[] = [];
  #bytes = 0;
  #full = false;
  #wake: (() => void) | undefined;

  write(bytes: Buffer): boolean {
    this.#queue.push(bytes);
    this.#bytes += bytes.length;
    this.#full = this.#bytes >= MAX_QUEUED_BYTES;
    this.#notify();
    return !this.#full;
  }

  end(): void {
    this.state = "ended";
    this.#notify();
  }

  cancel(): void {
    // The rest of a body that broke off is of no use, and its memory is wanted.
    this.#queue.length = 0;
    this.state = "lost";
    this.#notify();
  }

  take(): Buffer | undefined {
    const bytes = this.#queue.shift();
    this.#bytes -= bytes?.length ?? 0;
    return bytes;
  }

  /** The sender was told to wait, and has no reason to any more: true once. */
  get wasFull(): boolean {
    if (!this.#full || this.#bytes > MAX_QUEUED_BYTES / 2) return false;
    this.#full = false;
    return true;
  }

  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
