/** The `sql` side of a bucket: what a driver must do. `rows.test.ts` is the suite that each driver passes. */
import type { Maybe } from "./contents.ts";

/** A content, or the plain bytes of one that is small. `size` is of the plain bytes, whatever the file has. */
export interface Piece {
  file: string;
  size: number;
}

/** All of an object but its content. Texts in JSON are what they say or null for nothing. */
export interface ObjectHead {
  /** 32 hex digits. */
  version: string;
  size: number;
  etag: string;
  /** Milliseconds since 1970. */
  uploaded: number;
  storageClass: string;
  http: string | null;
  custom: string | null;
  checksums: string | null;
  ssecKeyMd5: string | null;
  s3: string | null;
}

/** Exactly one of `inline` and `pieces` is there. */
export interface ObjectRow extends ObjectHead {
  inline: Uint8Array | null;
  /** In order; more than one for an object that was made of parts. */
  pieces: Piece[] | null;
}

/** Keys are UTF-8 bytes, and are ordered as bytes. */
export interface ListedRow extends ObjectHead {
  key: Uint8Array;
}

/**
 * A version that must be what stands there, so that what was decided by it is still right: `null`: nothing may be there.
 */
export type Expected = string | null;

/** What is to be told of a change, kept until it has been: JSON text. */
export type Notice = string;

export interface UploadRow {
  id: string;
  key: Uint8Array;
  created: number;
  storageClass: string;
  http: string | null;
  custom: string | null;
  ssecKeyMd5: string | null;
  s3: string | null;
}

export interface PartRow {
  number: number;
  size: number;
  etag: string;
  uploaded: number;
  file: string;
  s3: string | null;
}

/**
 * Rows of one bucket. A change is atomic, and on disk when it resolves; from then on every read sees it. A content that
 * nothing names any more is garbage.
 */
export interface BucketRows {
  head(key: Uint8Array): Maybe<ObjectHead | undefined>;
  get(key: Uint8Array): Maybe<ObjectRow | undefined>;
  /** Objects with `from` ≤ key < `to` in order; `to` absent: all from there on. */
  list(from: Uint8Array, to: Uint8Array | undefined, limit: number): Maybe<ListedRow[]>;
  /** False: something else stands there than was expected, and nothing has changed. */
  put(key: Uint8Array, row: ObjectRow, expected: Expected, notice?: Notice): Promise<boolean>;
  /** Deletes each object that is still of its version; says of each whether it was. */
  delete(objects: { key: Uint8Array; version: string; notice?: Notice | undefined }[]): Promise<boolean[]>;
  /** Changes the storage class of an object that is still of this version. */
  setStorageClass(key: Uint8Array, version: string, storageClass: string): Promise<boolean>;

  createUpload(upload: UploadRow): Promise<void>;
  upload(id: string): Maybe<UploadRow | undefined>;
  /** Uploads in the order of key, then of id, after (`key`, `id`); `to`: keys before it only. */
  uploads(after: { key: Uint8Array; id: string }, to: Uint8Array | undefined, limit: number): Maybe<UploadRow[]>;
  /** Uploads that were begun before this time. */
  oldUploads(beforeMs: number, afterId: string, limit: number): Maybe<UploadRow[]>;
  /** Sets a part, in place of an earlier one of its number. False: there is no such upload (any more). */
  putPart(uploadId: string, part: PartRow): Promise<boolean>;
  /** Parts in order, from the one after `after` on. */
  parts(uploadId: string, after: number, limit: number): Maybe<PartRow[]>;
  /** Makes the object, and removes the upload with its parts, whose contents it may name. */
  complete(uploadId: string, key: Uint8Array, row: ObjectRow, expected: Expected, notice?: Notice): Promise<Completion>;
  /** Removes an upload with its parts. False: there is no such upload (any more). */
  abort(uploadId: string): Promise<boolean>;

  /** Notes that contents will be there which a row is about to name; if none does by `untilMs`, they are garbage. */
  announce(files: string[], untilMs: number): Promise<void>;
  /** These, which were announced, will not be named: they are garbage now, but for those that a row names all the same. */
  renounce(files: string[]): Promise<void>;
  /** Some contents that are garbage at this time. */
  garbage(nowMs: number, limit: number): Maybe<string[]>;
  /** These contents are removed. */
  forget(files: string[]): Promise<void>;

  /** The oldest notices, with their numbers, after this number. */
  notices(after: number, limit: number): Maybe<{ id: number; notice: Notice }[]>;
  /** Notices up to this number have been told. */
  told(id: number): Promise<void>;

  totals(): Maybe<{ objects: number; bytes: number; uploads: number }>;
  /** Nothing is being written: it may be closed. */
  readonly idle: boolean;
  close(): void;
}

export type Completion = "done" | "no-upload" | "changed";
