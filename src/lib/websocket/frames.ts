/** Frames of WebSocket (RFC 6455) as a server reads and writes them. */

export const opcodes = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

const FINAL = 0x80;
const MASKED = 0x80;
const RESERVED = 0x70;

export interface Frame {
  final: boolean;
  opcode: number;
  payload: Buffer;
}

/** A whole frame, unmasked as those of a server are. */
export function frame(opcode: number, payload: Uint8Array | string): Buffer {
  const length = typeof payload === "string" ? Buffer.byteLength(payload) : payload.byteLength;
  const extended = length > 0xffff ? 8 : length > 125 ? 2 : 0;
  const bytes = Buffer.allocUnsafe(2 + extended + length);
  bytes[0] = FINAL | opcode;
  bytes[1] = extended === 8 ? 127 : extended === 2 ? 126 : length;
  if (extended === 8) bytes.writeBigUInt64BE(BigInt(length), 2);
  else if (extended === 2) bytes.writeUInt16BE(length, 2);
  if (typeof payload === "string") bytes.write(payload, 2 + extended);
  else bytes.set(payload, 2 + extended);
  return bytes;
}

/** Why what came cannot be read on; `code` is that of the Close frame to answer with. */
export interface BadFrame {
  code: 1002 | 1009;
}

/**
 * Takes frames out of a stream of bytes. Masked or not: RFC 6455 wants a server to refuse frames without a mask, but the first
 * that `wrangler tail` sends has none (`wrangler-api.md` 4.1).
 */
export class FrameReader {
  readonly #maxPayloadBytes: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(maxPayloadBytes: number) {
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  /** The frames that are complete now; a {@link BadFrame} is the last of all. */
  *read(bytes: Buffer): Generator<Frame | BadFrame> {
    let buffer = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const next = this.#first(buffer);
      if (next === undefined) break;
      if ("code" in next) {
        yield next;
        return;
      }
      buffer = buffer.subarray(next.end);
      yield next.frame;
    }
    // A copy: the rest must not keep the whole packet.
    this.#rest = Buffer.from(buffer);
  }

  /** The frame that `buffer` begins with, and where it ends; undefined when more must come. */
  #first(buffer: Buffer): { frame: Frame; end: number } | BadFrame | undefined {
    if (buffer.length < 2) return undefined;
    const [first, second] = [buffer[0] as number, buffer[1] as number];
    const opcode = first & 0x0f;
    const final = (first & FINAL) !== 0;
    const short = second & 0x7f;
    const control = opcode >= opcodes.close;
    // No extension was agreed on, and control frames are small and whole.
    if ((first & RESERVED) !== 0 || (control && (!final || short > 125))) return { code: 1002 };
    const extended = short === 127 ? 8 : short === 126 ? 2 : 0;
    const masked = (second & MASKED) !== 0;
    const start = 2 + extended + (masked ? 4 : 0);
    if (buffer.length < 2 + extended) return undefined;
    const length = extended === 8 ? Number(buffer.readBigUInt64BE(2)) : extended === 2 ? buffer.readUInt16BE(2) : short;
    if (length > this.#maxPayloadBytes) return { code: 1009 };
    const end = start + length;
    if (buffer.length < end) return undefined;
    const payload = Buffer.from(buffer.subarray(start, end));
    if (masked) for (let at = 0; at < length; at++) payload[at]! ^= buffer[start - 4 + (at & 3)]!;
    return { frame: { final, opcode, payload }, end };
  }
}
