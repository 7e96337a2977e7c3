import { promisify } from "node:util";
import { brotliCompress, constants, gzip, zstdCompress } from "node:zlib";
import { MIN_COMPRESSIBLE_BYTES } from "./limits.ts";

/** Content codings that Freehold makes, best first: the order in which ties of the client's wishes are broken. */
export const ENCODINGS = ["br", "zstd", "gzip"] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** Encoded forms of one content, by size in bytes. A form that would not be smaller is absent. */
export type Variants = Partial<Record<Encoding, number>>;

const COMPRESSIBLE =
  /^(?:text\/|.*\+(?:json|xml|text)$|application\/(?:javascript|json|xml|ecmascript|x-javascript|wasm|manifest|ld|graphql|rtf|sql|toml|yaml|x-yaml|x-ndjson|x-httpd-php|x-sh|vnd\.ms-fontobject|x-font-ttf|x-font-otf|postscript)$|font\/(?:ttf|otf|collection)$|image\/(?:bmp|x-icon|vnd\.microsoft\.icon|x-ms-bmp)$|model\/(?:gltf\+json|obj|stl)$)/;
// A stream of events must not wait in a compressor.
const NEVER = /^text\/event-stream$/;

/** Whether variants are worth making; types that are compressed already are not. */
export function isCompressible(contentType: string | undefined, size: number): boolean {
  if (contentType === undefined || size < MIN_COMPRESSIBLE_BYTES) return false;
  const semicolon = contentType.indexOf(";");
  const type = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
  return type.length <= 100 && COMPRESSIBLE.test(type) && !NEVER.test(type);
}

/** The client's weights, from 0 (never) to 1. */
export interface AcceptedEncodings {
  br: number;
  zstd: number;
  gzip: number;
  identity: number;
}

const parsed = new Map<string, AcceptedEncodings>();
const NONE: AcceptedEncodings = { br: 0, zstd: 0, gzip: 0, identity: 1 };
/** Distinct header values remembered; browsers send very few. */
const MAX_REMEMBERED = 128;
const MAX_HEADER_CHARS = 1024;

/** Reads `Accept-Encoding` (RFC 9110 12.5.3). Without the header, or when it is absurdly long, only identity is wanted. */
export function acceptedEncodings(header: string | undefined): AcceptedEncodings {
  if (header === undefined || header.length > MAX_HEADER_CHARS) return NONE;
  let accepted = parsed.get(header);
  if (!accepted) {
    accepted = parse(header);
    if (parsed.size >= MAX_REMEMBERED) parsed.clear();
    parsed.set(header, accepted);
  }
  return accepted;
}

function parse(header: string): AcceptedEncodings {
  const weights = new Map<string, number>();
  for (const item of header.toLowerCase().split(",")) {
    const [coding = "", ...parameters] = item.split(";");
    const weight = parameters
      .map((one) => /^\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*$/.exec(one)?.[1])
      .find((one) => one !== undefined);
    const name = coding.trim();
    if (name) weights.set(name === "x-gzip" ? "gzip" : name, Math.min(1, weight === undefined ? 1 : Number(weight)));
  }
  const rest = weights.get("*") ?? 0;
  const of = (name: string) => weights.get(name) ?? rest;
  // Identity is always acceptable unless it is excluded by name, or by `*;q=0`.
  const identity = weights.get("identity") ?? (weights.get("*") === 0 ? 0 : 1);
  return { br: of("br"), zstd: of("zstd"), gzip: of("gzip"), identity };
}

/**
 * The form to send: the highest weight among those that exist, ties by the order of {@link ENCODINGS}, an encoded
 * form before identity unless the client explicitly weighs identity higher. `none`: the client accepts no form that exists.
 */
export function chooseEncoding(header: string | undefined, variants: Variants): Encoding | "identity" | "none" {
  const accepted = acceptedEncodings(header);
  let best: Encoding | undefined;
  for (const encoding of ENCODINGS) {
    if (variants[encoding] === undefined || accepted[encoding] === 0) continue;
    if (best === undefined || accepted[encoding] > accepted[best]) best = encoding;
  }
  if (best !== undefined) return best;
  return accepted.identity > 0 ? "identity" : "none";
}

const compressBrotli = promisify(brotliCompress);
const compressZstd = promisify(zstdCompress);
const compressGzip = promisify(gzip);

/** Bytes that a variant must save to be kept: less than the headers it costs is no gain. */
const MIN_SAVED_BYTES = 64;

/**
 * Encodes a content once, for keeping. Runs in Node's thread pool. Effort falls with size so that the largest file
 * takes seconds, not minutes. Only forms that are smaller than the content are returned.
 */
export async function makeVariants(
  content: Uint8Array,
  contentType: string | undefined,
): Promise<Partial<Record<Encoding, Buffer>>> {
  if (!isCompressible(contentType, content.length)) return {};
  const effort = effortFor(content.length);
  // One after the other: a deploy of many files must not take every thread of the pool.
  const made: [Encoding, Buffer][] = [
    [
      "br",
      await compressBrotli(content, {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: effort.brotli,
          [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
          [constants.BROTLI_PARAM_MODE]: /^(?:font|application\/wasm)/.test(contentType ?? "")
            ? constants.BROTLI_MODE_GENERIC
            : constants.BROTLI_MODE_TEXT,
        },
      }),
    ],
    [
      "zstd",
      await compressZstd(content, {
        params: { [constants.ZSTD_c_compressionLevel]: effort.zstd },
        // Without it zstd prepares for the largest content there may be: 68 instead of 0.5 CPU-ms for 1 KiB.
        pledgedSrcSize: content.length,
      }),
    ],
    ["gzip", await compressGzip(content, { level: effort.gzip })],
  ];
  return Object.fromEntries(made.filter(([, bytes]) => bytes.length + MIN_SAVED_BYTES <= content.length));
}

/**
 * Quality by size, measured on bundled JavaScript: 128 KiB take 0.2 s of processor time for all three, 4 MiB take 1.2 s,
 * 25 MiB take 2 s. Brotli 11 on 1 MB would take 2 s to save 10 % over 9.
 */
function effortFor(bytes: number): { brotli: number; zstd: number; gzip: number } {
  if (bytes <= 128 * 1024) return { brotli: 11, zstd: 19, gzip: 9 };
  if (bytes <= 4 * 1024 * 1024) return { brotli: 9, zstd: 15, gzip: 9 };
  return { brotli: 5, zstd: 9, gzip: 6 };
}
