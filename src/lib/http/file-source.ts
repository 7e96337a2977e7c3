import { close, read } from "node:fs";
import type { BodySource } from "./exchange.ts";

/** Bytes read at once. */
const CHUNK_BYTES = 256 * 1024;
/** Chunks kept for later files. */
const SPARE_CHUNKS = 16;

/** What a file is written to: an `Exchange`. */
export interface FileSink {
  /** The client is still there. */
  readonly open: boolean;
  write(text: string, bytes: Buffer): boolean;
  end(): void;
  cut(): void;
}

const spare: Buffer[] = [];

/**
 * A part of a file as the body of an answer. One chunk is read ahead while another is being sent, whatever the speed of the
 * client, so it takes two chunks of memory. Closes the descriptor in the end.
 */
export class FileSource implements BodySource {
  readonly #sink: FileSink;
  readonly #descriptor: number;
  /** Where the next read begins, and what is left to read. */
  #position: number;
  #left: number;
  #reading: Buffer | undefined;
  /** Read and not sent yet. */
  #ready: Buffer | undefined;
  #readyBytes = 0;
  /** Being sent; free again when the client has taken it. */
  #sending: Buffer | undefined;
  #canceled = false;

  constructor(sink: FileSink, descriptor: number, offset: number, length: number) {
    this.#sink = sink;
    this.#descriptor = descriptor;
    this.#position = offset;
    this.#left = length;
  }

  resume(): void {
    this.#release();
    this.#advance();
  }

  cancel(): void {
    this.#canceled = true;
    // A read under way ends first: the descriptor's number could be another file's by then.
    if (!this.#reading) this.#close();
  }

  #advance(): void {
    if (this.#ready && !this.#sending) this.#send(this.#ready);
    if (!this.#canceled && !this.#reading && !this.#ready && this.#left > 0) this.#read();
  }

  #send(chunk: Buffer): void {
    const bytes = this.#readyBytes === chunk.length ? chunk : chunk.subarray(0, this.#readyBytes);
    this.#ready = undefined;
    this.#sending = chunk;
    const taken = this.#sink.write("", bytes);
    if (this.#left === 0 && !this.#reading) {
      this.#canceled = true;
      this.#close();
      this.#sink.end();
    } else if (taken) {
      // A whole chunk is more than a socket lets wait; a shorter one may be waiting although there is room for more.
      if (bytes.length === chunk.length) this.#release();
      else this.#sending = undefined;
    }
  }

  #read(): void {
    const chunk = spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#reading = chunk;
    read(this.#descriptor, chunk, 0, Math.min(chunk.length, this.#left), this.#position, (error, count) => {
      this.#reading = undefined;
      if (this.#canceled) {
        keep(chunk);
        this.#close();
        return;
      }
      if (error || count === 0) {
        keep(chunk);
        this.#sink.cut();
        return;
      }
      this.#position += count;
      this.#left -= count;
      this.#ready = chunk;
      this.#readyBytes = count;
      this.#advance();
    });
  }

  #release(): void {
    if (this.#sending) keep(this.#sending);
    this.#sending = undefined;
  }

  #close(): void {
    // What is being sent may still be in use: it is left to the garbage collector.
    this.#sending = undefined;
    if (this.#ready) keep(this.#ready);
    this.#ready = undefined;
    close(this.#descriptor);
  }
}

function keep(chunk: Buffer): void {
  if (spare.length < SPARE_CHUNKS) spare.push(chunk);
}
