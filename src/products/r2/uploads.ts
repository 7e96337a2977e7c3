import { createHash, randomBytes } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import type { Bucket, BucketStore } from "./bucket.ts";
import { newContentName } from "./contents.ts";
import {
  entityTooLarge,
  entityTooSmall,
  invalidArgument,
  invalidPart,
  noSuchKey,
  noSuchUpload,
  preconditionFailed,
  unevenParts,
} from "./errors.ts";
import { ARRIVAL_MS, MAX_OBJECT_BYTES, MAX_PARTS, MAX_PUT_BYTES, MIN_PART_BYTES } from "./limits.ts";
import { successor } from "./listing.ts";
import type {
  Body,
  BodyOptions,
  CompleteOptions,
  CopySource,
  Part,
  PartList,
  R2Object,
  Upload,
  UploadList,
  UploadOptions,
} from "./model.ts";
import { attributeColumns, keyBytes, newVersion, textOf, uploadOf } from "./object-rows.ts";
import type { Receiver } from "./receive.ts";
import { checkStorageClass } from "./registry.ts";
import type { ObjectRow, PartRow, UploadRow } from "./rows.ts";
import { checkCustomerKey, customerKeyMd5 } from "./sealed.ts";

/** Rows read at once. */
const BATCH = 1000;
/** The same where a list with a delimiter jumps from prefix to prefix. */
const JUMPING_BATCH = 32;
const BATCHES_OF_A_TURN = 32;

/** Objects that come in parts. The parts of an upload are contents of their own, of which the object is made as they are. */
export class Uploads {
  readonly #bucket: Bucket;
  readonly #store: BucketStore;
  readonly #receiver: Receiver;

  constructor(bucket: Bucket, store: BucketStore, receiver: Receiver) {
    this.#bucket = bucket;
    this.#store = store;
    this.#receiver = receiver;
  }

  /** Begins an upload. Errors 10012, 10020, 10062. */
  async create(key: string, options: UploadOptions = {}): Promise<Upload> {
    const storageClass = options.storageClass ?? this.#bucket.info.storageClass;
    checkStorageClass(storageClass);
    const row: UploadRow = {
      ...attributeColumns(options),
      id: randomBytes(32).toString("hex"),
      key: keyBytes(key),
      created: Date.now(),
      storageClass,
      ssecKeyMd5: options.customerKey === undefined ? null : customerKeyMd5(options.customerKey),
    };
    await this.#bucket.working(() => this.#bucket.rows.createUpload(row));
    return uploadOf(row);
  }

  /** Error 10024 when there is no such upload of this key. */
  async find(key: string, uploadId: string): Promise<Upload> {
    return uploadOf(await this.#require(key, uploadId));
  }

  /** Stores a part, in place of an earlier one of its number. */
  putPart(key: string, uploadId: string, number: number, body: Body, options: BodyOptions = {}): Promise<Part> {
    return this.#bucket.working(async () => {
      checkPartNumber(number);
      const upload = await this.#require(key, uploadId);
      checkCustomerKey(options.customerKey, upload.ssecKeyMd5 ?? undefined);
      const received = await this.#receiver.receive(body, options, MAX_PUT_BYTES, true);
      try {
        const [piece] = received.pieces ?? [];
        const part: PartRow = {
          number,
          size: received.size,
          etag: received.md5,
          uploaded: Date.now(),
          file: piece?.file as string,
          s3: received.arrived?.s3 ?? null,
        };
        return await this.#setPart(uploadId, part);
      } catch (error) {
        await this.#receiver.discard(received).catch(() => {});
        throw error;
      } finally {
        received.release();
      }
    });
  }

  /** Makes a part of an object, or of a range of it; without reading it when it is one whole content. */
  async copyPart(
    key: string,
    uploadId: string,
    number: number,
    from: Bucket,
    source: CopySource,
    options: Omit<BodyOptions, "size"> = {},
  ): Promise<Part> {
    const found = await from.get(source.key, source);
    if (found === undefined) throw noSuchKey();
    if (!found.found) throw preconditionFailed();
    const { object, body, range } = found;
    try {
      const [piece, ...more] = body.pieces;
      const whole = range === undefined && more.length === 0 && piece !== undefined && !object.etag.includes("-");
      if (!whole || source.customerKey || options.customerKey || options.expect || options.arrived) {
        return await this.putPart(key, uploadId, number, body.chunks(), { ...options, size: body.length });
      }
      if (object.size > MAX_PUT_BYTES) throw entityTooLarge();
      return await this.#bucket.working(async () => {
        checkPartNumber(number);
        const upload = await this.#require(key, uploadId);
        checkCustomerKey(undefined, upload.ssecKeyMd5 ?? undefined);
        const file = newContentName();
        const release = this.#store.leases.hold([file]);
        try {
          await this.#bucket.rows.announce([file], Date.now() + ARRIVAL_MS);
          await this.#store.contents.copy(piece.file, file);
          const { size, etag } = object;
          return await this.#setPart(uploadId, { number, size, etag, uploaded: Date.now(), file, s3: null });
        } finally {
          release();
        }
      });
    } finally {
      body.cancel();
    }
  }

  /**
   * Makes the object of the parts that are named, whatever others there are; undefined when a condition did not hold, and
   * then the upload goes on. Errors 10011, 10024, 10025, 10048, 10069.
   */
  complete(
    key: string,
    uploadId: string,
    named: { number: number; etag: string }[],
    options: CompleteOptions = {},
  ): Promise<R2Object | undefined> {
    return this.#bucket.working(async () => {
      const upload = await this.#require(key, uploadId);
      const parts = await this.#named(uploadId, named);
      const size = parts.reduce((sum, part) => sum + part.size, 0);
      if (size > MAX_OBJECT_BYTES) throw entityTooLarge();
      const late = options.arrived?.(uploadOf(upload), parts.map(partOf));
      const hash = createHash("md5");
      for (const { etag } of parts) hash.update(etag, "hex");
      const row: ObjectRow = {
        version: newVersion(),
        size,
        etag: `${hash.digest("hex")}-${parts.length}`,
        uploaded: Date.now(),
        storageClass: upload.storageClass,
        http: upload.http,
        custom: upload.custom,
        checksums: null,
        ssecKeyMd5: upload.ssecKeyMd5,
        s3: late?.s3 ?? upload.s3,
        inline: null,
        pieces: parts.map((part) => ({ file: part.file, size: part.size })),
      };
      const { rows } = this.#bucket;
      return this.#bucket.commit(
        key,
        row,
        "CompleteMultipartUpload",
        options.onlyIf,
        undefined,
        async (expected, notice) => {
          const completion = await rows.complete(uploadId, upload.key, row, expected, notice);
          if (completion === "no-upload") throw noSuchUpload();
          return completion === "done";
        },
      );
    });
  }

  /** Forgets an upload with its parts. Error 10024. */
  async abort(key: string, uploadId: string): Promise<void> {
    await this.#bucket.working(async () => {
      await this.#require(key, uploadId);
      if (!(await this.#bucket.rows.abort(uploadId))) throw noSuchUpload();
    });
  }

  /** Parts in order, after the one of a number. Error 10024. */
  async listParts(key: string, uploadId: string, { after = 0, limit = BATCH } = {}): Promise<PartList> {
    const upload = await this.#require(key, uploadId);
    const parts = await this.#bucket.rows.parts(uploadId, after, limit + 1);
    return { upload: uploadOf(upload), parts: parts.slice(0, limit).map(partOf), truncated: parts.length > limit };
  }

  /** Uploads in the order of their keys, after (`after.key`, `after.uploadId`); without an id, after all of that key. */
  async list({
    prefix = "",
    delimiter = "",
    after,
    limit = BATCH,
  }: {
    prefix?: string;
    delimiter?: string;
    after?: { key: string; uploadId?: string };
    limit?: number;
  } = {}): Promise<UploadList> {
    const start = Buffer.from(prefix);
    const to = successor(start);
    let at = after ? behind(after, prefix, delimiter) : { key: start, id: "" };
    if (Buffer.compare(at.key, start) < 0) at = { key: start, id: "" };
    const list: UploadList = { uploads: [], prefixes: [] };
    let last: { key: string; uploadId: string } | undefined;
    // Most rows of a large batch would be below a prefix that was given.
    const most = delimiter === "" ? BATCH : JUMPING_BATCH;
    for (let batches = 1; ; batches++) {
      const batch = await this.#bucket.rows.uploads(at, to, most);
      for (const row of batch) {
        if (Buffer.compare(row.key, at.key) < 0) continue;
        if (list.uploads.length + list.prefixes.length === limit) return { ...list, ...(last && { next: last }) };
        const key = textOf(row.key);
        const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
        if (end < 0) {
          list.uploads.push(uploadOf(row));
          at = { key: Buffer.from(row.key), id: row.id };
          last = { key, uploadId: row.id };
        } else {
          const common = key.slice(0, end + delimiter.length);
          list.prefixes.push(common);
          last = { key: common, uploadId: "" };
          at = behind({ key: common }, prefix, delimiter);
        }
      }
      if (batch.length < most) return list;
      // Rows may come without a wait: others have their turn.
      if (batches % BATCHES_OF_A_TURN === 0) await turn();
    }
  }

  async #require(key: string, uploadId: string): Promise<UploadRow> {
    const row = await this.#bucket.rows.upload(uploadId);
    if (row === undefined || textOf(row.key) !== key) throw noSuchUpload();
    return row;
  }

  async #setPart(uploadId: string, part: PartRow): Promise<Part> {
    if (!(await this.#bucket.rows.putPart(uploadId, part))) throw noSuchUpload();
    return partOf(part);
  }

  /** The parts that are named, in order, checked. */
  async #named(uploadId: string, named: { number: number; etag: string }[]): Promise<PartRow[]> {
    if (named.length === 0 || named.length > MAX_PARTS) throw invalidPart();
    const byNumber = new Map<number, PartRow>();
    for (let after = 0; ; ) {
      const batch = await this.#bucket.rows.parts(uploadId, after, BATCH);
      for (const part of batch) byNumber.set(part.number, part);
      if (batch.length < BATCH) break;
      after = batch.at(-1)?.number ?? MAX_PARTS;
    }
    if (new Set(named.map(({ number }) => number)).size < named.length) throw invalidPart();
    const parts = named
      .toSorted((a, b) => a.number - b.number)
      .map(({ number, etag }) => {
        const part = byNumber.get(number);
        if (part === undefined || part.etag !== etag) throw invalidPart();
        return part;
      });
    const [first] = parts;
    for (const part of parts.slice(0, -1)) {
      if (part.size < MIN_PART_BYTES) throw entityTooSmall();
      if (part.size !== first?.size) throw unevenParts();
    }
    if (parts.length > 1 && (parts.at(-1)?.size ?? 0) > (first?.size ?? 0)) throw unevenParts();
    return parts;
  }
}

/** Behind an upload, all of a key, or all below a prefix that a page has given. */
function behind(
  after: { key: string; uploadId?: string },
  prefix: string,
  delimiter: string,
): { key: Buffer; id: string } {
  const bytes = Buffer.from(after.key);
  const end = delimiter !== "" && after.key.startsWith(prefix) ? after.key.indexOf(delimiter, prefix.length) : -1;
  const isPrefix = end >= 0 && end + delimiter.length === after.key.length;
  // "~" is behind every id.
  return isPrefix ? { key: successor(bytes) ?? bytes, id: "" } : { key: bytes, id: after.uploadId ?? "~" };
}

function checkPartNumber(number: number): void {
  if (!Number.isInteger(number) || number < 1 || number > MAX_PARTS) {
    throw invalidArgument(`Part numbers are from 1 to ${MAX_PARTS}.`);
  }
}

function partOf({ number, size, etag, uploaded, s3 }: PartRow): Part {
  return { number, size, etag, uploaded, s3: s3 ?? undefined };
}
