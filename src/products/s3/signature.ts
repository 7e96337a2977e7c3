/**
 * Signature version 4 as S3 has it: what is signed, and with which key. Pure; who signs and whether in time is decided in
 * `authenticate.ts`.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { canonicalPath, canonicalQuery, type QueryParameter } from "./uri.ts";

export const ALGORITHM = "AWS4-HMAC-SHA256";

/** A request as far as a signature covers it. Texts have one character for each byte, as they came over the wire. */
export interface SignedRequest {
  method: string;
  /** Path as sent, without the query. */
  rawPath: string;
  query: readonly QueryParameter[];
  /** By lower-case name; values of repeated fields joined by commas. */
  headers: ReadonlyMap<string, string>;
}

/** Of one access key on one day in one region: `<yyyymmdd>/<region>/s3/aws4_request`. */
export interface Scope {
  date: string;
  region: string;
}

export const SHA256_OF_NOTHING = sha256("");

export function scopeText({ date, region }: Scope): string {
  return `${date}/${region}/s3/aws4_request`;
}

/** The key that signs within a scope. */
export function signingKey(secret: string, { date, region }: Scope): Buffer {
  const ofDate = hmac(`AWS4${secret}`, date);
  return hmac(hmac(hmac(ofDate, region), "s3"), "aws4_request");
}

/** The text whose hash is signed. */
export function canonicalRequest(
  request: SignedRequest,
  signedHeaders: readonly string[],
  payloadHash: string,
  withoutParameter?: string,
): string {
  const headers = signedHeaders.map((name) => `${name}:${canonicalValue(request.headers.get(name) ?? "")}\n`);
  return [
    request.method,
    canonicalPath(request.rawPath),
    canonicalQuery(request.query, withoutParameter),
    headers.join(""),
    signedHeaders.join(";"),
    payloadHash,
  ].join("\n");
}

/** Signature of a request, in hexadecimal digits. `timestamp` is `yyyymmddThhmmssZ`. */
export function requestSignature(key: Buffer, scope: Scope, timestamp: string, canonical: string): string {
  // The bytes of the wire: what is not ASCII was signed as such.
  const hash = createHash("sha256").update(canonical, "latin1").digest("hex");
  return hmac(key, [ALGORITHM, timestamp, scopeText(scope), hash].join("\n")).toString("hex");
}

/** What signs the chunks of a body, each with the one before it. The first follows the request's own signature. */
export class ChunkSigner {
  readonly #key: Buffer;
  readonly #heading: string;
  #previous: string;

  constructor(key: Buffer, scope: Scope, timestamp: string, requestSignature: string) {
    this.#key = key;
    this.#heading = `${timestamp}\n${scopeText(scope)}`;
    this.#previous = requestSignature;
  }

  /** Whether a chunk with this hash has this signature. */
  chunk(hash: string, signature: string): boolean {
    return this.#check(`${ALGORITHM}-PAYLOAD`, `${SHA256_OF_NOTHING}\n${hash}`, signature);
  }

  /** Whether the trailing headers, each line ended by a line feed, have this signature. */
  trailer(text: string, signature: string): boolean {
    return this.#check(`${ALGORITHM}-TRAILER`, sha256(text), signature);
  }

  #check(kind: string, hashes: string, signature: string): boolean {
    const own = hmac(this.#key, `${kind}\n${this.#heading}\n${this.#previous}\n${hashes}`).toString("hex");
    this.#previous = own;
    return sameSignature(own, signature);
  }
}

/** Compares in a time that does not depend on where they differ. */
export function sameSignature(own: string, given: string): boolean {
  return own.length === given.length && timingSafeEqual(Buffer.from(own, "latin1"), Buffer.from(given, "latin1"));
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function canonicalValue(value: string): string {
  return value.trim().replace(/\s+/g, " ");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
