import type { BodySource } from "./exchange.ts";
import type { FileSink } from "./file-source.ts";

/** What an iterable gives as the body of an answer, at the speed of the client. One that fails cuts the answer short. */
export class IterableSource implements BodySource {
  readonly #sink: FileSink;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #pulling = false;
  #canceled = false;

  constructor(sink: FileSink, chunks: AsyncIterable<Uint8Array>) {
    this.#sink = sink;
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  resume(): void {
    if (!this.#pulling && !this.#canceled) void this.#pull();
  }

  cancel(): void {
    this.#canceled = true;
    // One that is being pulled is told when it has given.
    if (!this.#pulling) this.#return();
  }

  async #pull(): Promise<void> {
    this.#pulling = true;
    try {
      for (;;) {
        const { done, value } = await this.#chunks.next();
        if (this.#canceled) {
          if (!done) this.#return();
          return;
        }
        if (done) {
          this.#canceled = true;
          this.#sink.end();
          return;
        }
        const { buffer, byteOffset, byteLength } = value;
        if (!this.#sink.write("", Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength))) return;
      }
    } catch (error) {
      const canceled = this.#canceled;
      this.#canceled = true;
      if (canceled) return;
      console.error("An answer was cut short:", error);
      this.#sink.cut();
    } finally {
      this.#pulling = false;
    }
  }

  #return(): void {
    Promise.resolve(this.#chunks.return?.()).catch(() => {});
  }
}
