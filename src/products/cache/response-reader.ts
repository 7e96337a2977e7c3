import { HeaderNames } from "../../lib/http/header-names.ts";
import { parseResponseHead, ResponseHead } from "../../lib/http/response-head.ts";
import { type Field, fieldsOf } from "./fields.ts";
import { MAX_RESPONSE_HEAD_BYTES } from "./limits.ts";

/** What the runtime writes: a status line and headers, then the body as it is, whatever `Transfer-Encoding` says (measured). */
export interface ReadHead {
  status: number;
  fields: Field[];
  /** Bytes of body as announced; undefined: it ends with the request. */
  length: number | undefined;
}

/** One for all: a head is used before the next is parsed. */
const head = new ResponseHead(new HeaderNames());

/** Takes a serialized response apart as it comes. `read` returns the part of the body in `bytes`; "broken": it is no response. */
export class ResponseReader {
  /** Once all of it has come. */
  head: ReadHead | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;

  read(bytes: Buffer): Buffer | "broken" | undefined {
    if (this.head) return bytes;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    const all = this.#waiting.length === 1 ? bytes : Buffer.concat(this.#waiting);
    this.#waiting = [all];
    const end = parseResponseHead(head, all, 0, all.length, false);
    // Negative: incomplete or malformed.
    if (end === -1) return this.#waitingBytes > MAX_RESPONSE_HEAD_BYTES ? "broken" : undefined;
    if (end < 0 || end > MAX_RESPONSE_HEAD_BYTES) return "broken";
    this.#waiting = [];
    this.head = {
      status: head.status,
      fields: fieldsOf(head),
      length: head.bodyLength >= 0 ? head.bodyLength : undefined,
    };
    return all.subarray(end);
  }
}
