/** The `blobs` side of R2: what a driver of contents must do. `contents.test.ts` is the suite that each driver passes. */
import { randomBytes } from "node:crypto";

/**
 * Contents of objects and parts: immutable bytes under names that say nothing ({@link newContentName}), which all buckets
 * share. What is named where stands in the rows.
 */
export interface Contents {
  /** Begins a content. Nothing is there under its name until it is finished. */
  create(name: string): ContentWriter;
  /** Bytes of a content, which must have them. Reading goes on although it is removed meanwhile. */
  read(name: string, offset: number, length: number): Maybe<ContentRange>;
  /** Makes another content of the same bytes, durably, without reading them when the driver can. */
  copy(from: string, to: string): Promise<void>;
  /** One that is not there is no error. */
  remove(name: string): Promise<void>;
}

export type Maybe<Value> = Value | Promise<Value>;

/** One content that is being written. */
export interface ContentWriter {
  /** Takes bytes, which may be used again once this resolves. */
  write(bytes: Buffer): Promise<void>;
  /** All is there: durable, and readable under its name, when this resolves. */
  finish(): Promise<void>;
  /** Forgets it, whatever has been written. Never rejects. */
  abandon(): Promise<void>;
}

/** Part of a file, whose descriptor the receiver closes; or a stream of just these bytes. */
export type ContentRange =
  | { descriptor: number; offset: number; length: number }
  | { chunks: AsyncIterable<Uint8Array>; length: number };

const NAME = /^[0-9a-f]{32}$/;

export function newContentName(): string {
  return randomBytes(16).toString("hex");
}

/** Names become parts of paths. */
export function checkContentName(name: string): void {
  if (!NAME.test(name)) throw new RangeError(`a content's name is 32 hex digits, got ${JSON.stringify(name)}`);
}
