import { Socket } from "node:net";

type Written = (error?: Error | null) => void;

/**
 * A socket that goes on reading after a write has failed. A server may answer and close without having read
 * the whole request (workerd does so when a Worker leaves a body unread); Node would destroy the socket on
 * the first write after that, and the answer with it.
 */
export class UpstreamSocket extends Socket {
  /** A write failed: what is written goes nowhere, what comes may still be an answer. */
  writeFailed = false;
  #written: Written | undefined;

  override _write(chunk: unknown, encoding: BufferEncoding, callback: Written): void {
    this.#written = callback;
    super._write(chunk, encoding, this.#settle);
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], callback: Written): void {
    this.#written = callback;
    super._writev?.(chunks, this.#settle);
  }

  /** One function for all writes: a stream has only one under way. */
  readonly #settle = (error?: Error | null): void => {
    if (error) this.writeFailed = true;
    const written = this.#written;
    this.#written = undefined;
    written?.();
  };
}
