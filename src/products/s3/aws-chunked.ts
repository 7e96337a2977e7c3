/** The aws-chunked coding of bodies: chunks, each perhaps signed, and perhaps headers behind the last one. */
import { createHash, type Hash } from "node:crypto";
import { S3Error } from "./errors.ts";
import { s3Limits } from "./limits.ts";
import type { ChunkSigner } from "./signature.ts";

export interface ChunkedOptions {
  /** Present when chunks are signed. */
  signer?: ChunkSigner | undefined;
  /** Headers follow the last chunk. */
  trailer: boolean;
  /** Bytes of the content, as the request announced them. */
  decodedBytes: number;
}

const LF = 0x0a;
const CR = 0x0d;

/** What the next byte belongs to. */
type State = "line" | "data" | "data-end" | "trailer" | "done";

/**
 * Takes such a body apart as it comes. Nothing of it may take effect before {@link end} has returned: a signature
 * stands before its chunk but is known to be good only after it. Throws {@link S3Error}.
 */
export class ChunkDecoder {
  /** Trailing headers, by lower-case name. */
  readonly trailers = new Map<string, string>();
  readonly #options: ChunkedOptions;
  #state: State = "line";
  /** A line of framing that has not come to its end. */
  #line = "";
  #left = 0;
  #decoded = 0;
  #last = false;
  #hash: Hash | undefined;
  #signature = "";
  #trailerBytes = 0;

  constructor(options: ChunkedOptions) {
    this.#options = options;
  }

  /** Takes bytes of the body; returns those of the content. They are parts of the same memory. */
  push(bytes: Buffer): Buffer[] {
    const content: Buffer[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "data") {
        const part = bytes.subarray(at, at + this.#left);
        at += part.length;
        this.#take(part);
        content.push(part);
        continue;
      }
      if (this.#state === "done") throw malformed("there are bytes after its end");
      const end = bytes.indexOf(LF, at);
      const limit = this.#state === "trailer" ? s3Limits.trailerBytes : s3Limits.chunkLineBytes;
      const piece = bytes.subarray(at, end < 0 ? bytes.length : end);
      if (this.#line.length + piece.length > limit) throw malformed("a line of it is too long");
      this.#line += piece.toString("latin1");
      if (end < 0) break;
      at = end + 1;
      const line = this.#line;
      this.#line = "";
      this.#readLine(line.charCodeAt(line.length - 1) === CR ? line.slice(0, -1) : line);
    }
    return content;
  }

  /** The body has ended. Throws unless it came whole. */
  end(): void {
    if (this.#state !== "done" || this.#decoded !== this.#options.decodedBytes) throw new S3Error("IncompleteBody");
  }

  #readLine(line: string): void {
    if (this.#state === "line") this.#readChunkLine(line);
    else if (this.#state === "data-end") {
      if (line !== "") throw malformed("a chunk is longer than its line says");
      this.#state = "line";
    } else this.#readTrailer(line);
  }

  #readChunkLine(line: string): void {
    const [, size = "", signature] = /^([0-9A-Fa-f]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line) ?? [];
    if (size === "") throw malformed("a chunk's line is malformed");
    const { signer, decodedBytes } = this.#options;
    if ((signer === undefined) !== (signature === undefined))
      throw malformed(signer ? "a chunk has no signature" : "a chunk has a signature, which was not announced");
    this.#left = Number.parseInt(size, 16);
    this.#last = this.#left === 0;
    this.#signature = signature ?? "";
    if (this.#decoded + this.#left > decodedBytes)
      throw malformed("it is longer than x-amz-decoded-content-length says");
    if (signer) this.#hash = createHash("sha256");
    this.#state = "data";
    if (this.#last) this.#endChunk();
  }

  #take(part: Buffer): void {
    this.#hash?.update(part);
    this.#decoded += part.length;
    this.#left -= part.length;
    if (this.#left === 0) this.#endChunk();
  }

  #endChunk(): void {
    const hash = this.#hash?.digest("hex");
    if (hash !== undefined && !this.#options.signer?.chunk(hash, this.#signature))
      throw new S3Error("SignatureDoesNotMatch", "The signature of a chunk does not match.");
    this.#state = this.#last ? "trailer" : "data-end";
  }

  #readTrailer(line: string): void {
    this.#trailerBytes += line.length + 1;
    if (this.#trailerBytes > s3Limits.trailerBytes) throw malformed("its trailing headers are too long");
    if (line === "") {
      // The signature comes behind an empty line of its own with some clients.
      if (this.#mustSignTrailer && !this.trailers.has(SIGNATURE_TRAILER)) {
        if (this.trailers.size === 0) throw malformed("its trailing headers are missing");
        return;
      }
      this.#checkTrailer();
      this.#state = "done";
      return;
    }
    if (!this.#options.trailer) throw malformed("it has trailing headers, which were not announced");
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    if (colon < 1 || this.trailers.has(name)) throw malformed("a trailing header is malformed");
    this.trailers.set(name, line.slice(colon + 1).trim());
  }

  get #mustSignTrailer(): boolean {
    return this.#options.trailer && this.#options.signer !== undefined;
  }

  #checkTrailer(): void {
    const { signer } = this.#options;
    if (!this.#mustSignTrailer || signer === undefined) return;
    const signature = this.trailers.get(SIGNATURE_TRAILER) ?? "";
    this.trailers.delete(SIGNATURE_TRAILER);
    const text = [...this.trailers].sort().map(([name, value]) => `${name}:${value}\n`);
    if (!signer.trailer(text.join(""), signature))
      throw new S3Error("SignatureDoesNotMatch", "The signature of the trailing headers does not match.");
  }
}

const SIGNATURE_TRAILER = "x-amz-trailer-signature";

function malformed(why: string): S3Error {
  return new S3Error("InvalidRequest", `The aws-chunked body is malformed: ${why}.`);
}
