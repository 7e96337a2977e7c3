import { S3Error } from "./errors.ts";
import { s3Limits } from "./limits.ts";

/** A query parameter as the client meant it, and in the form that signatures use. */
export interface QueryParameter {
  name: string;
  value: string;
  encodedName: string;
  encodedValue: string;
}

/** For each byte: itself when it is unreserved, else `%XX` (S3's canonical form of a URI). */
const ENCODED = Array.from({ length: 256 }, (_, byte) => {
  const text = String.fromCharCode(byte);
  return /[A-Za-z0-9\-._~]/.test(text) ? text : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
});

const PERCENT = 0x25;
const PLUS = 0x2b;
const SLASH = 0x2f;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text in S3's canonical form: every byte of its UTF-8 that is not unreserved as `%XX`. */
export function encodeStrictly(text: string): string {
  return encodeBytes(Buffer.from(text), false);
}

/** The same for a path: slashes stay. */
export function encodePath(text: string): string {
  return encodeBytes(Buffer.from(text), true);
}

/** A raw path or a part of it in S3's canonical form, whatever the client left unencoded. Throws `InvalidURI`. */
export function canonicalPath(raw: string): string {
  return encodeBytes(decodeBytes(raw, false), true);
}

/** The text that a raw part of a path stands for. Throws `InvalidURI` when it is no UTF-8. */
export function decodePath(raw: string): string {
  return textOf(decodeBytes(raw, false));
}

/** The parameters of a raw query, in their order. Throws `InvalidURI`. */
export function parseQuery(raw: string): QueryParameter[] {
  if (raw === "") return [];
  const pieces = raw.split("&");
  if (pieces.length > s3Limits.maxQueryParameters)
    throw new S3Error("InvalidURI", "The query has too many parameters.");
  return pieces
    .filter((piece) => piece !== "")
    .map((piece) => {
      const equals = piece.indexOf("=");
      const name = decodeBytes(equals < 0 ? piece : piece.slice(0, equals), true);
      const value = decodeBytes(equals < 0 ? "" : piece.slice(equals + 1), true);
      return {
        name: textOf(name),
        value: textOf(value),
        encodedName: encodeBytes(name, false),
        encodedValue: encodeBytes(value, false),
      };
    });
}

/** The query as signatures see it: sorted, without the parameter that carries the signature. */
export function canonicalQuery(parameters: readonly QueryParameter[], without?: string): string {
  return parameters
    .filter(({ name }) => name !== without)
    .map(({ encodedName, encodedValue }) => ({ encodedName, encodedValue }))
    .sort((a, b) => compare(a.encodedName, b.encodedName) || compare(a.encodedValue, b.encodedValue))
    .map(({ encodedName, encodedValue }) => `${encodedName}=${encodedValue}`)
    .join("&");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `raw` is text of one character for each byte, as it came over the wire. */
function decodeBytes(raw: string, plusIsSpace: boolean): Buffer {
  const bytes = Buffer.from(raw, "latin1");
  if (!raw.includes("%") && !(plusIsSpace && raw.includes("+"))) return bytes;
  let to = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === PERCENT) {
      const digits = raw.slice(at + 1, at + 3);
      if (!/^[0-9A-Fa-f]{2}$/.test(digits)) throw new S3Error("InvalidURI");
      bytes[to++] = Number.parseInt(digits, 16);
      at += 2;
    } else bytes[to++] = plusIsSpace && byte === PLUS ? 0x20 : byte;
  }
  return bytes.subarray(0, to);
}

function encodeBytes(bytes: Buffer, keepSlashes: boolean): string {
  let text = "";
  for (const byte of bytes) text += keepSlashes && byte === SLASH ? "/" : ENCODED[byte];
  return text;
}

function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new S3Error("InvalidURI", "The URI is not UTF-8.");
  }
}
