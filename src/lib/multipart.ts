/** Reads `multipart/form-data` (RFC 7578) part by part, without ever holding a whole part. */

export interface MultipartPart {
  /** `name` of `Content-Disposition`, as it was sent. */
  name: string;
  /** The part's `Content-Type`; undefined when it has none. */
  contentType: string | undefined;
  /** Content, once. What is not read is skipped when the next part is asked for. */
  body: AsyncIterable<Buffer>;
}

/** The body is not well-formed, or broke off. `message` completes "the body …". */
export class MultipartError extends Error {
  override name = "MultipartError";
}

const MAX_HEAD_BYTES = 8 * 1024;
/** Text before the first boundary; nobody sends any. */
const MAX_PREAMBLE_BYTES = 8 * 1024;
const HEAD_END = Buffer.from("\r\n\r\n");

/** The boundary of a `Content-Type`; undefined when it is not `multipart/form-data` with one. */
export function multipartBoundary(contentType: string | null): string | undefined {
  if (!/^\s*multipart\/form-data\s*;/i.test(contentType ?? "")) return undefined;
  const match = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType ?? "");
  return match?.[1] ?? match?.[2];
}

/** The parts in order. Throws {@link MultipartError}. */
export async function* readMultipart(
  chunks: AsyncIterable<Uint8Array>,
  boundary: string,
): AsyncGenerator<MultipartPart, void> {
  const reader = new Reader(chunks, Buffer.from(`\r\n--${boundary}`, "latin1"));
  await reader.skipPreamble();
  while (await reader.enterPart()) {
    const head = await reader.head();
    yield { ...parseHead(head), body: reader.body() };
    // From wherever the caller stopped.
    for await (const _ of reader.body());
  }
}

function parseHead(head: string): Pick<MultipartPart, "name" | "contentType"> {
  let name: string | undefined;
  let contentType: string | undefined;
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    const field = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (field === "content-type") contentType = value;
    if (field === "content-disposition" && /^form-data\s*;/i.test(value)) name = /;\s*name="([^"]*)"/i.exec(value)?.[1];
  }
  if (name === undefined) throw new MultipartError("has a part without a name");
  return { name, contentType };
}

class Reader {
  // The first boundary has no line break before it.
  #bytes: Buffer = Buffer.from("\r\n");
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #delimiter: Buffer;

  constructor(chunks: AsyncIterable<Uint8Array>, delimiter: Buffer) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#delimiter = delimiter;
  }

  async skipPreamble(): Promise<void> {
    let at = this.#bytes.indexOf(this.#delimiter);
    while (at < 0) {
      if (this.#bytes.length > MAX_PREAMBLE_BYTES) throw new MultipartError("does not begin with its boundary");
      await this.#fill();
      at = this.#bytes.indexOf(this.#delimiter);
    }
    this.#bytes = this.#bytes.subarray(at);
  }

  /** Steps over the boundary. False at the last one. */
  async enterPart(): Promise<boolean> {
    const { length } = this.#delimiter;
    while (this.#bytes.length < length + 2) await this.#fill();
    const mark = this.#bytes.toString("latin1", length, length + 2);
    this.#bytes = this.#bytes.subarray(length + (mark === "--" ? 2 : 0));
    if (mark === "--") return false;
    if (mark !== "\r\n") throw new MultipartError("has text behind a boundary");
    return true;
  }

  /** The part's header lines. Stands at the line break that ends the boundary, so a part may have none. */
  async head(): Promise<string> {
    let at = this.#bytes.indexOf(HEAD_END);
    while (at < 0) {
      if (this.#bytes.length > MAX_HEAD_BYTES) throw new MultipartError("has a part whose headers are too long");
      await this.#fill();
      at = this.#bytes.indexOf(HEAD_END);
    }
    if (at > MAX_HEAD_BYTES) throw new MultipartError("has a part whose headers are too long");
    const head = this.#bytes.toString("utf8", 0, at);
    // An empty part's boundary may begin with the line break that ends its head.
    this.#bytes = this.#bytes.subarray(at + HEAD_END.length);
    return head;
  }

  async *body(): AsyncGenerator<Buffer, void> {
    for (;;) {
      const at = this.#bytes.indexOf(this.#delimiter);
      // The end of what came so far may be the beginning of the boundary.
      const sure = at >= 0 ? at : this.#bytes.length - this.#delimiter.length + 1;
      if (sure > 0) {
        const content = this.#bytes.subarray(0, sure);
        this.#bytes = this.#bytes.subarray(sure);
        yield content;
      }
      if (at >= 0) return;
      await this.#fill();
    }
  }

  async #fill(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done) throw new MultipartError("ended early");
    const { buffer, byteOffset, byteLength } = next.value;
    const chunk = Buffer.from(buffer, byteOffset, byteLength);
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }
}
