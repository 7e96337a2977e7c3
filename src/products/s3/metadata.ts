/** Metadata of objects: from the headers of a request, and into those of an answer. */
import type { HttpMetadata, R2Object, StorageClass } from "../r2/model.ts";
import { notImplemented, S3Error } from "./errors.ts";
import type { S3Request } from "./request.ts";

const PREFIX = "x-amz-meta-";

/** What an object is served with, as the request says. Undefined: it says nothing. */
export function httpMetadata(request: S3Request): HttpMetadata {
  const encoding = request
    .header("content-encoding")
    ?.split(",")
    .map((coding) => coding.trim())
    // How the body was carried, not what it is.
    .filter((coding) => coding !== "" && coding.toLowerCase() !== "aws-chunked")
    .join(", ");
  const expires = Date.parse(request.header("expires") ?? "");
  return defined({
    contentType: request.header("content-type"),
    contentLanguage: request.header("content-language"),
    contentDisposition: request.header("content-disposition"),
    contentEncoding: encoding || undefined,
    cacheControl: request.header("cache-control"),
    cacheExpiry: Number.isNaN(expires) ? undefined : expires,
  });
}

/** The `x-amz-meta-` headers. Values are UTF-8, or encoded words of RFC 2047, as the original takes them. */
export function customMetadata(request: S3Request): Record<string, string> {
  const named = [...request.headers].filter(([name]) => name.startsWith(PREFIX) && name.length > PREFIX.length);
  return Object.fromEntries(named.map(([name, value]) => [name.slice(PREFIX.length), decodeWords(fromWire(value))]));
}

const storageClasses: Record<string, StorageClass> = { STANDARD: "Standard", STANDARD_IA: "InfrequentAccess" };

/** The storage class that the request names. */
export function storageClass(request: S3Request): StorageClass | undefined {
  const name = request.header("x-amz-storage-class");
  return name === undefined ? undefined : storageClassNamed(name);
}

export function storageClassNamed(name: string): StorageClass {
  const found = Object.hasOwn(storageClasses, name) ? storageClasses[name] : undefined;
  if (found === undefined)
    throw new S3Error("InvalidStorageClass", "The storage class must be STANDARD or STANDARD_IA.");
  return found;
}

/** S3's name of a storage class. */
export function storageClassName(storageClass: StorageClass): string {
  return storageClass === "Standard" ? "STANDARD" : "STANDARD_IA";
}

/** Headers that describe an object: all but those about the body's length and range. */
export function objectHeaders(object: R2Object, overrides: HttpMetadata = {}): Record<string, string | undefined> {
  const http = { ...object.http, ...overrides };
  const headers: Record<string, string | undefined> = {
    ETag: `"${object.etag}"`,
    "Last-Modified": new Date(object.uploaded).toUTCString(),
    "Content-Type": http.contentType ?? "application/octet-stream",
    "Content-Language": http.contentLanguage,
    "Content-Disposition": http.contentDisposition,
    "Content-Encoding": http.contentEncoding,
    "Cache-Control": http.cacheControl,
    Expires: http.cacheExpiry === undefined ? undefined : new Date(http.cacheExpiry).toUTCString(),
    "x-amz-storage-class": object.storageClass === "Standard" ? undefined : storageClassName(object.storageClass),
  };
  let missing = 0;
  for (const [name, value] of Object.entries(object.custom)) {
    if (/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) headers[PREFIX + name.toLowerCase()] = encodeWords(value);
    else missing++;
  }
  if (missing > 0) headers["x-amz-missing-meta"] = String(missing);
  return headers;
}

const overridable = {
  "response-content-type": "contentType",
  "response-content-language": "contentLanguage",
  "response-content-disposition": "contentDisposition",
  "response-content-encoding": "contentEncoding",
  "response-cache-control": "cacheControl",
} as const satisfies Record<string, keyof HttpMetadata>;

/** What the query says the answer's headers shall be. */
export function responseOverrides(request: S3Request): HttpMetadata {
  const overrides: HttpMetadata = {};
  for (const [name, field] of Object.entries(overridable)) {
    const value = request.param(name);
    if (value !== undefined) overrides[field] = value;
  }
  const expires = Date.parse(request.param("response-expires") ?? "");
  if (!Number.isNaN(expires)) overrides.cacheExpiry = expires;
  return overrides;
}

/** Headers that ask for what is not there, with the values that ask for nothing. */
const unsupported: Record<string, readonly string[]> = {
  "x-amz-acl": ["private", "bucket-owner-full-control"],
  "x-amz-tagging": [""],
  "x-amz-tagging-directive": ["COPY"],
  "x-amz-website-redirect-location": [],
  "x-amz-server-side-encryption": ["AES256"],
  "x-amz-server-side-encryption-aws-kms-key-id": [],
  "x-amz-server-side-encryption-context": [],
  "x-amz-object-lock-mode": [],
  "x-amz-object-lock-retain-until-date": [],
  "x-amz-object-lock-legal-hold": ["OFF"],
  "x-amz-bucket-object-lock-enabled": ["false"],
  "x-amz-expected-bucket-owner": [],
  "x-amz-source-expected-bucket-owner": [],
  "x-amz-request-payer": [],
  "x-amz-mfa": [],
  "x-amz-write-offset-bytes": [],
};

/** Refuses what would otherwise be dropped silently, as the original does. */
export function refuseUnsupported(request: S3Request): void {
  for (const [name, value] of request.headers) {
    if (name.startsWith("x-amz-grant-")) throw notImplemented(`The header ${name}`);
    if (Object.hasOwn(unsupported, name) && !unsupported[name]?.includes(value))
      throw notImplemented(`The header ${name} with this value`);
  }
  if (request.param("versionId") !== undefined) throw notImplemented("Versioning");
}

/** Text whose characters are the bytes of UTF-8, or else of Latin-1. */
function fromWire(value: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(value, "latin1"));
  } catch {
    return value;
  }
}

function decodeWords(value: string): string {
  if (!value.includes("=?")) return value;
  // White space between two encoded words is not part of the text.
  const joined = value.replace(/\?=\s+=\?/g, "?==?");
  return joined.replace(/=\?utf-8\?([bq])\?([^?\s]*)\?=/gi, (_, kind: string, text: string) => {
    if (kind.toLowerCase() === "b") return Buffer.from(text, "base64").toString();
    const bytes = text
      .replace(/_/g, " ")
      .replace(/=([0-9A-Fa-f]{2})/g, (__, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
    return Buffer.from(bytes, "latin1").toString();
  });
}

function encodeWords(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : `=?UTF-8?B?${Buffer.from(value).toString("base64")}?=`;
}

function defined(fields: { [Name in keyof HttpMetadata]: HttpMetadata[Name] | undefined }): HttpMetadata {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as HttpMetadata;
}
