/** Just enough of WebSocket (RFC 6455) to end a tunnel where a frame ends, and to say why. */

/** Why a WebSocket is closed that would go on (RFC 6455 7.4.1, and the IANA registry of close codes). */
export const SERVICE_RESTART = 1012;
export const INTERNAL_ERROR = 1011;

const CLOSE = 0x8;
const FINAL = 0x80;
const MASKED = 0x80;

const reasons: Record<number, string> = {
  [SERVICE_RESTART]: "service restart",
  [INTERNAL_ERROR]: "the connection to the Worker was lost",
};

/** A whole Close frame, as a server sends it. `reason`: at most 123 characters of ASCII. */
export function closeFrame(code: number, reason = reasons[code] ?? ""): Buffer {
  const frame = Buffer.alloc(4 + reason.length);
  frame[0] = FINAL | CLOSE;
  frame[1] = 2 + reason.length;
  frame.writeUInt16BE(code, 2);
  frame.write(reason, 4, "latin1");
  return frame;
}

/** Follows the frames in one direction of a tunnel. Looks at their heads only and keeps nothing. */
export class FrameTracker {
  /** A Close frame has begun: nothing may follow it. */
  closed = false;
  /** Bytes of the head that came, and how many it has as far as is known. */
  #headCame = 0;
  #headLength = 2;
  /** Where its length ends and a mask may follow. */
  #lengthEnd = 2;
  #payloadLeft = 0;

  /** All that began has ended. */
  get atBoundary(): boolean {
    return this.#headCame === 0;
  }

  /** Reads on. Returns `end`, or, when it is to stop, where the frame ends that is under way. */
  read(bytes: Buffer, start: number, end: number, stop: boolean): number {
    let at = start;
    while (at < end) {
      if (this.#headCame < this.#headLength) {
        this.#readHead(bytes[at++] ?? 0);
      } else {
        const taken = Math.min(this.#payloadLeft, end - at);
        this.#payloadLeft -= taken;
        at += taken;
      }
      if (this.#headCame < this.#headLength || this.#payloadLeft > 0) continue;
      this.#headCame = 0;
      this.#headLength = 2;
      if (stop) return at;
    }
    return end;
  }

  #readHead(byte: number): void {
    const place = this.#headCame++;
    if (place === 0) {
      if ((byte & 0x0f) === CLOSE) this.closed = true;
    } else if (place === 1) {
      const length = byte & 0x7f;
      const extended = length === 126 ? 2 : length === 127 ? 8 : 0;
      this.#payloadLeft = extended > 0 ? 0 : length;
      this.#lengthEnd = 2 + extended;
      this.#headLength = this.#lengthEnd + ((byte & MASKED) !== 0 ? 4 : 0);
    } else if (place < this.#lengthEnd) this.#payloadLeft = this.#payloadLeft * 256 + byte;
  }
}
