/**
 * What services and a SQLite host say to each other over a unix socket: frames with a length in front, numbers
 * little-endian. Replies come in the order of the requests, and the host begins none before the reply to the one before
 * has left it: so of the requests without a reply only the first can have begun.
 *
 * Request: length of the rest (4), id (4), kind (1), flags (1), database id padded with spaces (36), payload.
 * Reply: length of the rest (4), id (4), status (1), length of the bookmark (1), bookmark, payload.
 */
import type { D1Failure } from "./operations.ts";

/** `wire`: the payload is the body that workerd's binding sent. `operation`: JSON with `operation` and `request`. */
export const requestKind = { wire: 1, operation: 2 } as const;

/** Flag of a wire request: rows as objects instead of arrays. */
export const AS_OBJECTS = 1;

const REQUEST_HEAD_BYTES = 46;
const REPLY_HEAD_BYTES = 10;
const DATABASE_ID_BYTES = 36;

export interface HostRequest {
  databaseId: string;
  kind: number;
  flags: number;
  payload: Buffer;
  /** False: nobody waits for the answer any more, so what has not begun need not. Absent: somebody does. */
  isWanted?: (() => boolean) | undefined;
  /** True: it only reads, so it may be asked again of another host. Absent: the statements say whether it does. */
  writesNothing?: boolean;
}

export interface HostReply {
  ok: boolean;
  /** Where the database stood afterwards; empty after a failure. */
  bookmark: string;
  /** JSON: the reply, or a {@link D1Failure}. */
  payload: Buffer;
}

export function encodeRequest(id: number, { databaseId, kind, flags, payload }: HostRequest): Buffer {
  const bytes = Buffer.allocUnsafe(REQUEST_HEAD_BYTES + payload.length);
  bytes.writeUInt32LE(bytes.length - 4, 0);
  bytes.writeUInt32LE(id, 4);
  bytes[8] = kind;
  bytes[9] = flags;
  bytes.write(databaseId.padEnd(DATABASE_ID_BYTES), 10, "latin1");
  payload.copy(bytes, REQUEST_HEAD_BYTES);
  return bytes;
}

export function failureReply(failure: D1Failure): HostReply {
  return { ok: false, bookmark: "", payload: Buffer.from(JSON.stringify(failure)) };
}

/** Reads replies from the packets they come in. */
export class ReplyReader {
  #input: Buffer = Buffer.alloc(0);
  #parts: Buffer[] = [];
  #missing = 0;

  /** Calls `reply` for each that is complete. */
  read(chunk: Buffer, reply: (id: number, reply: HostReply) => void): void {
    if (this.#missing > chunk.length) {
      this.#missing -= chunk.length;
      this.#parts.push(chunk);
      return;
    }
    let input = this.#parts.length > 0 ? Buffer.concat([...this.#parts, chunk]) : chunk;
    if (this.#input.length > 0) input = Buffer.concat([this.#input, input]);
    this.#parts = [];
    this.#missing = 0;
    let at = 0;
    while (input.length - at >= 4) {
      const end = at + 4 + input.readUInt32LE(at);
      if (end > input.length) {
        // A large reply is put together once, not with every packet.
        this.#missing = end - input.length;
        break;
      }
      const payloadAt = at + REPLY_HEAD_BYTES + (input[at + 9] as number);
      reply(input.readUInt32LE(at + 4), {
        ok: input[at + 8] === 0,
        bookmark: input.toString("latin1", at + REPLY_HEAD_BYTES, payloadAt),
        payload: input.subarray(payloadAt, end),
      });
      at = end;
    }
    this.#input = at === 0 ? input : input.subarray(at);
  }
}
