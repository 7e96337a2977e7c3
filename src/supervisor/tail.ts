import type { Readable } from "node:stream";

/** What was read within this time counts against the rate. */
const INTERVAL_MS = 100;
/** What the smallest piece counts as: many small ones cost us more than their bytes. */
const MIN_COST_BYTES = 1024;

/** Keeps the end of a stream of text, and reads no faster than it is told to. */
export class Tail {
  #chunks: Buffer[] = [];
  #size = 0;
  #maxBytes: number;

  constructor(stream: Readable, maxBytes: number, maxBytesPerSecond: number) {
    this.#maxBytes = maxBytes;
    let budget = (maxBytesPerSecond * INTERVAL_MS) / 1000;
    const refill = (bytes: number) => {
      if (budget <= 0) stream.resume();
      budget += bytes;
    };
    stream.on("data", (chunk: Buffer) => {
      this.#add(chunk);
      const cost = Math.max(chunk.length, MIN_COST_BYTES);
      budget -= cost;
      if (budget <= 0) stream.pause();
      setTimeout(refill, INTERVAL_MS, cost);
    });
    // The other end may vanish in the middle of a read; the process's exit tells what happened.
    stream.on("error", () => {});
  }

  #add(chunk: Buffer): void {
    this.#chunks.push(chunk.length > this.#maxBytes ? chunk.subarray(-this.#maxBytes) : chunk);
    this.#size += chunk.length;
    // Joined now and then, not with each chunk: many small writes stay cheap.
    if (this.#size < 2 * this.#maxBytes && this.#chunks.length < 1000) return;
    this.#chunks = [Buffer.concat(this.#chunks).subarray(-this.#maxBytes)];
    this.#size = this.#chunks[0]!.length;
  }

  toString(): string {
    return Buffer.concat(this.#chunks).subarray(-this.#maxBytes).toString("utf8");
  }
}
