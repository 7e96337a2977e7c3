import { CR, HEX, LF, SEMICOLON, TOKEN, VALUE } from "./characters.ts";
import { MAX_BODY_OVERHEAD_BYTES, MAX_CHUNK_EXTENSION_BYTES, MAX_CHUNK_SIZE_DIGITS } from "./limits.ts";

/** Body length of a body in the chunked coding. */
export const CHUNKED = -1;
/** Body length of a response that ends with its connection. */
export const UNTIL_CLOSE = -2;

/** States of the chunked coding: what the next byte is. */
const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER_START = 6;
const TRAILER = 7;
const TRAILER_LF = 8;
const END_LF = 9;

/** What becomes of a byte. */
const DROP = 0;
const PASS = 1;
const BROKEN = 2;

/**
 * Follows a body through the packets it comes in and says which bytes to pass on. Checks the chunked coding
 * strictly; chunk extensions and trailers are dropped on purpose, as nobody behind may act on them.
 */
export class BodyReader {
  /** The whole body has been read. */
  done = true;
  /** Bytes of content so far, without framing. */
  received = 0;
  /** The bytes to pass on after {@link next}; may be none. */
  rangeStart = 0;
  rangeEnd = 0;

  #length = 0;
  /** Content bytes to come: of the body, or of the chunk. */
  #remaining = 0;
  #framing = DROP;
  #state = SIZE;
  #digits = 0;
  #extensionBytes = 0;
  #overheadBytes = 0;

  /**
   * Begins a body of `length` bytes, or CHUNKED, or UNTIL_CLOSE. With `keepFraming` a chunked body is passed on
   * with its chunk lines, ready for the next hop; without, as its content alone.
   */
  begin(length: number, keepFraming: boolean): void {
    this.#length = length;
    this.#remaining = length;
    this.#framing = keepFraming ? PASS : DROP;
    this.done = length === 0;
    this.received = 0;
    this.#state = SIZE;
    this.#digits = 0;
    this.#overheadBytes = 0;
  }

  /** It ends with its connection. */
  get untilClose(): boolean {
    return this.#length === UNTIL_CLOSE;
  }

  /**
   * Reads on in `bytes[from, end)` up to where something must be left out; call it again until `end` or `done`.
   * Returns the offset it reached, or -1 when the coding is broken.
   */
  next(bytes: Buffer, from: number, end: number): number {
    if (this.#length === CHUNKED) return this.#nextChunked(bytes, from, end);
    const taken = this.#length === UNTIL_CLOSE ? end - from : Math.min(this.#remaining, end - from);
    this.received += taken;
    this.#remaining -= taken;
    if (this.#remaining === 0) this.done = true;
    this.rangeStart = from;
    this.rangeEnd = from + taken;
    return this.rangeEnd;
  }

  #nextChunked(bytes: Buffer, from: number, end: number): number {
    let at = from;
    let start = -1;
    while (at < end && !this.done) {
      if (this.#state === DATA) {
        if (start < 0) start = at;
        const taken = Math.min(this.#remaining, end - at);
        at += taken;
        this.received += taken;
        this.#remaining -= taken;
        if (this.#remaining === 0) this.#state = DATA_CR;
        continue;
      }
      const fate = this.#step(bytes[at++] as number);
      if (fate === BROKEN) return -1;
      if (fate === PASS) {
        if (start < 0) start = at - 1;
      } else if (start >= 0) {
        this.rangeStart = start;
        this.rangeEnd = at - 1;
        return at;
      }
    }
    this.rangeStart = start < 0 ? at : start;
    this.rangeEnd = at;
    return at;
  }

  /** Takes one byte of framing. */
  #step(byte: number): number {
    switch (this.#state) {
      case SIZE:
        return this.#stepSize(byte);
      case EXTENSION:
        if (byte === CR) return this.#expect(SIZE_LF);
        return VALUE[byte] === 1 && ++this.#extensionBytes <= MAX_CHUNK_EXTENSION_BYTES ? this.#drop() : BROKEN;
      case SIZE_LF:
        return byte === LF ? this.#expect(this.#remaining === 0 ? TRAILER_START : DATA) : BROKEN;
      case DATA_CR:
        return byte === CR ? this.#expect(DATA_LF) : BROKEN;
      case DATA_LF:
        this.#digits = 0;
        return byte === LF ? this.#expect(SIZE) : BROKEN;
      case TRAILER_START:
        if (byte === CR) return this.#expect(END_LF);
        this.#state = TRAILER;
        return TOKEN[byte] !== 0 ? this.#drop() : BROKEN;
      case TRAILER:
        if (byte === CR) this.#state = TRAILER_LF;
        else if (VALUE[byte] !== 1) return BROKEN;
        return this.#drop();
      case TRAILER_LF:
        this.#state = TRAILER_START;
        return byte === LF ? this.#drop() : BROKEN;
      case END_LF:
        this.done = true;
        return byte === LF ? this.#framing : BROKEN;
      default:
        return BROKEN;
    }
  }

  #stepSize(byte: number): number {
    const digit = HEX[byte] as number;
    if (digit > 0) {
      this.#remaining = (this.#digits === 0 ? 0 : this.#remaining * 16) + digit - 1;
      return ++this.#digits <= MAX_CHUNK_SIZE_DIGITS ? this.#framing : BROKEN;
    }
    if (this.#digits === 0) return BROKEN;
    if (byte === CR) return this.#expect(SIZE_LF);
    if (byte !== SEMICOLON) return BROKEN;
    this.#state = EXTENSION;
    this.#extensionBytes = 0;
    return this.#drop();
  }

  #expect(state: number): number {
    this.#state = state;
    return this.#framing;
  }

  /** Drops a byte of extension or trailer; a body may not hold many of them. */
  #drop(): number {
    return ++this.#overheadBytes <= MAX_BODY_OVERHEAD_BYTES ? DROP : BROKEN;
  }
}
