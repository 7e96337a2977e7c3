const EMPTY = Buffer.alloc(0);
const HEAD_END = "\r\n\r\n";

/**
 * Bytes received and not yet used. A packet that is used up at once is never copied; what has to wait
 * for more is gathered in a buffer that doubles, so that a head sent byte by byte costs linear time.
 */
export class InputBuffer {
  bytes: Buffer = EMPTY;
  start = 0;
  end = 0;
  #owned = false;
  #searched = 0;

  get length(): number {
    return this.end - this.start;
  }

  append(chunk: Buffer): void {
    if (this.start === this.end) {
      this.bytes = chunk;
      this.start = 0;
      this.end = chunk.length;
      this.#owned = false;
      this.#searched = 0;
      return;
    }
    if (!this.#owned || this.end + chunk.length > this.bytes.length) this.#grow(chunk.length);
    chunk.copy(this.bytes, this.end);
    this.end += chunk.length;
  }

  /** Marks everything before `position` as used; drops the buffer when nothing is left. */
  consume(position: number): void {
    this.start = position;
    this.#searched = 0;
    if (position < this.end) return;
    this.bytes = EMPTY;
    this.start = 0;
    this.end = 0;
  }

  /** Whether an empty line has come; looks at each byte once. */
  hasHeadEnd(): boolean {
    const from = Math.max(this.start, this.#searched - HEAD_END.length + 1);
    const found = this.bytes.indexOf(HEAD_END, from, "latin1");
    this.#searched = this.end;
    return found >= 0 && found + HEAD_END.length <= this.end;
  }

  #grow(added: number): void {
    const length = this.length;
    const grown = Buffer.allocUnsafeSlow(Math.max(1024, 2 * (length + added)));
    this.bytes.copy(grown, 0, this.start, this.end);
    this.#searched = Math.max(0, this.#searched - this.start);
    this.bytes = grown;
    this.start = 0;
    this.end = length;
    this.#owned = true;
  }
}
