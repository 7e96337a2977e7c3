/** The bodies of requests: taken out of their coding, and held against everything that was said about them. */
import { createHash } from "node:crypto";
import { entityTooLarge } from "../r2/errors.ts";
import { MAX_PUT_BYTES } from "../r2/limits.ts";
import type { BodyOptions } from "../r2/model.ts";
import type { Caller } from "./authenticate.ts";
import { UNSIGNED } from "./authorization.ts";
import { ChunkDecoder } from "./aws-chunked.ts";
import {
  type ChecksumAlgorithm,
  checksumAlgorithms,
  checksumBytes,
  checksumHeader,
  startChecksum,
} from "./checksums.ts";
import { notImplemented, S3Error } from "./errors.ts";
import { s3Limits } from "./limits.ts";
import type { S3Request } from "./request.ts";

/** A checksum of an object or a part, as it is kept with it. */
export interface Checksum {
  algorithm: ChecksumAlgorithm;
  /** Base64; of a composite one with the number of parts behind it. */
  value: string;
}

/** A body that can be handed to a bucket: it throws in the end unless it is what the request says. */
export interface CheckedBody {
  chunks: AsyncIterable<Buffer>;
  size: number;
  /** Digests that the bucket checks and keeps. */
  expect: NonNullable<BodyOptions["expect"]>;
  /** The checksum that the client gave; known to be right once the body has ended. */
  checksum(): Checksum | undefined;
}

const SHA256_HEX = /^[0-9a-f]{64}$/;

/** Room for the lines of aws-chunked around a body; chunks of 8 KiB, the least that S3 takes, have 1 % of them. */
const CHUNKED_OVERHEAD = 1.1;

/** The request's body, which may have up to `maxBytes` of content. Throws {@link S3Error} when its headers are wrong. */
export function checkedBody(request: S3Request, caller: Caller, maxBytes = MAX_PUT_BYTES): CheckedBody {
  const { payloadHash } = caller.authorization;
  const streaming = payloadHash.startsWith("STREAMING-");
  if (!streaming && payloadHash !== UNSIGNED && !SHA256_HEX.test(payloadHash))
    throw new S3Error("InvalidArgument", "x-amz-content-sha256 must be a SHA-256 in hex, or one of the known words.");
  const size = streaming ? decodedLength(request) : request.contentLength;
  if (size === undefined) throw new S3Error("MissingContentLength");
  if (size > maxBytes) throw entityTooLarge();
  const decoder = streaming ? chunkDecoder(payloadHash, caller, size) : undefined;
  const given = givenChecksum(request, decoder !== undefined && payloadHash.endsWith("-TRAILER"));
  const md5 = digestHeader(request, "content-md5", 16);
  let checksum: Checksum | undefined;

  async function* chunks(): AsyncGenerator<Buffer, void> {
    const hash = SHA256_HEX.test(payloadHash) ? createHash("sha256") : undefined;
    const running = given && startChecksum(given.algorithm);
    const wire = request.body(decoder ? maxBytes * CHUNKED_OVERHEAD + s3Limits.trailerBytes : maxBytes);
    for await (const bytes of wire) {
      for (const part of decoder?.push(bytes) ?? [bytes]) {
        hash?.update(part);
        running?.update(part);
        yield part;
      }
    }
    decoder?.end();
    if (hash !== undefined && hash.digest("hex") !== payloadHash) throw new S3Error("XAmzContentSHA256Mismatch");
    if (given === undefined || running === undefined) return;
    const { algorithm } = given;
    const wanted = given.value ?? trailingChecksum(decoder, algorithm);
    const value = running.digest().toString("base64");
    if (value !== wanted)
      throw new S3Error("BadDigest", `The ${algorithm} you gave is ${wanted}; received was ${value}.`);
    checksum = { algorithm, value };
  }

  return { chunks: chunks(), size, expect: md5 ? { md5: md5.toString("hex") } : {}, checksum: () => checksum };
}

/** A whole document. */
export async function textBody(
  request: S3Request,
  caller: Caller,
  maxBytes: number = s3Limits.xmlBytes,
): Promise<string> {
  const body = checkedBody(request, caller, maxBytes);
  const parts: Buffer[] = [];
  for await (const part of body.chunks) parts.push(part);
  const bytes = Buffer.concat(parts);
  if (bytes.length !== body.size) throw new S3Error("IncompleteBody");
  const { md5 } = body.expect;
  if (md5 !== undefined && createHash("md5").update(bytes).digest("hex") !== md5) throw new S3Error("BadDigest");
  return bytes.toString("utf8");
}

/** Bytes of a header in Base64; undefined when there is none. */
export function digestHeader(request: S3Request, name: string, length: number): Buffer | undefined {
  const text = request.header(name);
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, "base64");
  if (bytes.length !== length || bytes.toString("base64") !== text)
    throw new S3Error("InvalidDigest", `The header ${name} must be ${length} bytes in Base64.`);
  return bytes;
}

function decodedLength(request: S3Request): number | undefined {
  const text = request.header("x-amz-decoded-content-length");
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new S3Error("InvalidArgument", "x-amz-decoded-content-length must be a number.");
  return Number(text);
}

function chunkDecoder(payloadHash: string, caller: Caller, decodedBytes: number): ChunkDecoder {
  switch (payloadHash) {
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
      return new ChunkDecoder({ signer: caller.chunkSigner(), trailer: false, decodedBytes });
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":
      return new ChunkDecoder({ signer: caller.chunkSigner(), trailer: true, decodedBytes });
    case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
      return new ChunkDecoder({ trailer: true, decodedBytes });
    default:
      throw notImplemented(`The payload ${payloadHash.slice(0, 60)}`);
  }
}

/** The one checksum that the request has in its head, or announces to have behind its body. */
function givenChecksum(
  request: S3Request,
  trailer: boolean,
): { algorithm: ChecksumAlgorithm; value?: string } | undefined {
  const given = checksumAlgorithms.flatMap((algorithm) => {
    const value = digestHeader(request, checksumHeader(algorithm), checksumBytes[algorithm]);
    return value ? [{ algorithm, value: value.toString("base64") }] : [];
  });
  const names = trailer ? (request.header("x-amz-trailer") ?? "").split(",").map((name) => name.trim()) : [];
  const announced = checksumAlgorithms.filter((algorithm) =>
    names.some((name) => name.toLowerCase() === checksumHeader(algorithm)),
  );
  if (given.length + announced.length > 1) throw new S3Error("InvalidRequest", "Give one checksum at most.");
  const [algorithm] = announced;
  return given[0] ?? (algorithm && { algorithm });
}

function trailingChecksum(decoder: ChunkDecoder | undefined, algorithm: ChecksumAlgorithm): string {
  const value = decoder?.trailers.get(checksumHeader(algorithm));
  if (value === undefined)
    throw new S3Error(
      "InvalidRequest",
      `The trailing header ${checksumHeader(algorithm)} was announced and did not come.`,
    );
  return value;
}
