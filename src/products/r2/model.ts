/** What a bucket's calls take and give, whichever protocol they come by. Keys are text; ETags stand without quotes. */
import type { R2Error } from "./errors.ts";
import type { ObjectBody } from "./object-body.ts";

export type StorageClass = "Standard" | "InfrequentAccess";

/** `Content-*` and the like, as they are served. */
export interface HttpMetadata {
  contentType?: string;
  contentLanguage?: string;
  contentDisposition?: string;
  contentEncoding?: string;
  cacheControl?: string;
  /** `Expires`, in milliseconds since 1970. */
  cacheExpiry?: number;
}

export type HashName = "md5" | "sha1" | "sha256" | "sha384" | "sha512";

/** Digests in lower-case hex. */
export type Checksums = Partial<Record<HashName, string>>;

/** A key that the caller keeps and gives with each call (SSE-C): 32 bytes. */
export type CustomerKey = Buffer;

export interface R2Object {
  key: string;
  /** 32 hex digits, new with each write. */
  version: string;
  size: number;
  etag: string;
  /** Milliseconds since 1970. */
  uploaded: number;
  storageClass: StorageClass;
  http: HttpMetadata;
  custom: Record<string, string>;
  /** With md5 when the object was put in one piece. */
  checksums: Checksums;
  /** MD5 of the customer's key, in hex, of an object that is encrypted with one. */
  ssecKeyMd5: string | undefined;
  /** What the S3 API keeps with it; other ways do not look into it. */
  s3: string | undefined;
}

/** Which bytes of an object. */
export interface ByteRange {
  offset: number;
  length: number;
}

/** A range as it is asked for. */
export type RangeRequest = { offset?: number; length?: number } | { suffix: number };

export interface EtagCondition {
  /** Absent: any (`*`). */
  value?: string | undefined;
  weak?: boolean | undefined;
}

/** Conditions as in RFC 9110, section 13. Times are milliseconds. */
export interface Conditions {
  etagMatches?: EtagCondition[] | undefined;
  etagDoesNotMatch?: EtagCondition[] | undefined;
  uploadedBefore?: number | undefined;
  uploadedAfter?: number | undefined;
  /** Times are compared as seconds: the condition came in headers. */
  secondsGranularity?: boolean | undefined;
}

export interface GetOptions {
  onlyIf?: Conditions | undefined;
  /** A range, or the value of a `Range` header; a header that is no range of this object's bytes is ignored. */
  range?: RangeRequest | string | undefined;
  /** The part of an object that was made of parts, from 1, in place of a range. */
  partNumber?: number | undefined;
  customerKey?: CustomerKey | undefined;
}

export type GetResult =
  /** `range` is there when only part of the object was asked for. `partCount` when a part was. */
  | { found: true; object: R2Object; body: ObjectBody; range?: ByteRange; partCount?: number }
  /** A condition did not hold. */
  | { found: false; object: R2Object };

export interface Attributes {
  http?: HttpMetadata | undefined;
  custom?: Record<string, string> | undefined;
  /** Absent: the bucket's. */
  storageClass?: StorageClass | undefined;
  s3?: string | undefined;
}

/** What is known when all bytes have come. */
export interface Arrived {
  /** In place of what was given before. */
  s3?: string | undefined;
}

export interface BodyOptions {
  /** Bytes that will come, when known: another number is refused. */
  size?: number | undefined;
  /** Digests that the content must have. */
  expect?: Checksums | undefined;
  customerKey?: CustomerKey | undefined;
  /** Called when all bytes have come; a throw refuses them. */
  arrived?: (() => Arrived | undefined) | undefined;
}

export interface PutOptions extends Attributes, BodyOptions {
  onlyIf?: Conditions | undefined;
}

/** A body: all at once, or as it comes. An iterable that throws leaves nothing behind. */
export type Body = Uint8Array | AsyncIterable<Uint8Array>;

export interface ListOptions {
  prefix?: string | undefined;
  /** Keys that have this after the prefix are given as one prefix up to it. */
  delimiter?: string | undefined;
  /** Of the page before. */
  cursor?: string | undefined;
  /** Keys after this one. */
  startAfter?: string | undefined;
  /** Objects and prefixes together; 1 to 1000. */
  limit?: number | undefined;
}

export interface ListPage {
  objects: R2Object[];
  prefixes: string[];
  /** Of the next page; absent: this was the last. */
  cursor?: string | undefined;
}

export interface DeleteResult {
  key: string;
  /** Why it was not deleted. A key that is not there counts as deleted. */
  error?: R2Error;
}

export interface CopySource {
  key: string;
  onlyIf?: Conditions | undefined;
  customerKey?: CustomerKey | undefined;
  range?: RangeRequest | undefined;
}

/** `keep`: metadata of the source; otherwise the attributes given. */
export interface CopyOptions extends Attributes {
  metadata: "keep" | "replace";
  onlyIf?: Conditions | undefined;
  /** Of the copy. */
  customerKey?: CustomerKey | undefined;
}

export interface UploadOptions extends Attributes {
  customerKey?: CustomerKey | undefined;
}

export interface Upload {
  id: string;
  key: string;
  storageClass: StorageClass;
  http: HttpMetadata;
  custom: Record<string, string>;
  /** Milliseconds since 1970. */
  created: number;
  ssecKeyMd5: string | undefined;
  s3: string | undefined;
}

export interface Part {
  /** From 1 to 10,000. */
  number: number;
  size: number;
  etag: string;
  uploaded: number;
  s3: string | undefined;
}

export interface CompleteOptions {
  onlyIf?: Conditions | undefined;
  /** Given the upload and the parts named, in order; its `s3` is kept with the object. A throw refuses. */
  arrived?: ((upload: Upload, parts: Part[]) => Arrived | undefined) | undefined;
}

export interface UploadList {
  uploads: Upload[];
  prefixes: string[];
  /** Where the next page begins; absent: this was the last. */
  next?: { key: string; uploadId: string } | undefined;
}

export interface PartList {
  upload: Upload;
  parts: Part[];
  /** There are more, after the last. */
  truncated: boolean;
}
