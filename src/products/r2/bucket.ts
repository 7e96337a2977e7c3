import { holds } from "./conditions.ts";
import { type Contents, newContentName } from "./contents.ts";
import { invalidArgument, noSuchBucket, noSuchKey, objectLocked, preconditionFailed, type R2Error } from "./errors.ts";
import type { Leases } from "./leases.ts";
import { ARRIVAL_MS, MAX_DELETE_KEYS, MAX_PUT_BYTES } from "./limits.ts";
import { listObjects } from "./listing.ts";
import type {
  Body,
  Conditions,
  CopyOptions,
  CopySource,
  CustomerKey,
  DeleteResult,
  GetOptions,
  GetResult,
  ListOptions,
  ListPage,
  PutOptions,
  R2Object,
  StorageClass,
} from "./model.ts";
import { noticeOf } from "./notices.ts";
import { ObjectBody } from "./object-body.ts";
import { attributeColumns, keyBytes, newVersion, objectOf, textOrNull } from "./object-rows.ts";
import { rangeOf, slicesOf } from "./range.ts";
import { Receiver } from "./receive.ts";
import { type BucketInfo, checkStorageClass } from "./registry.ts";
import type { BucketRows, Expected, ObjectHead, ObjectRow } from "./rows.ts";
import { checkCustomerKey, customerKeyMd5 } from "./sealed.ts";
import { lockOf, type NotificationAction } from "./settings.ts";
import { Uploads } from "./uploads.ts";

/** What all buckets share. */
export interface BucketStore {
  contents: Contents;
  leases: Leases;
  /** A bucket has something to tell its queues. */
  noted(bucket: Bucket): void;
}

/**
 * One bucket, whichever protocol is spoken in front of it. Every call that fails throws an `R2Error`, which has the code, the
 * HTTP status and the S3 name, or an error of the system: `refusalOf` makes the first of both. What a call has changed is on
 * disk when it resolves, and is what every later call sees.
 */
export class Bucket {
  /** Changes with the bucket's settings. */
  info: BucketInfo;
  readonly rows: BucketRows;
  readonly uploads: Uploads;
  readonly #store: BucketStore;
  readonly #receiver: Receiver;
  /** When somebody last asked for it; on the clock of `performance`. */
  usedAtMs = performance.now();
  #busy = 0;
  /** It has been deleted. */
  #gone = false;

  constructor(info: BucketInfo, rows: BucketRows, store: BucketStore) {
    this.info = info;
    this.rows = rows;
    this.#store = store;
    this.#receiver = new Receiver(store.contents, rows, store.leases);
    this.uploads = new Uploads(this, store, this.#receiver);
  }

  /** The object without its content; undefined when there is none. */
  async head(key: string): Promise<R2Object | undefined> {
    const head = await this.rows.head(keyBytes(key));
    return head && objectOf(key, head);
  }

  /**
   * The object with its content, or a part of it; undefined when there is none. Errors 10039 (range) and 10003 (customer's
   * key). The body of what is found must be taken or cancelled.
   */
  async get(key: string, options: GetOptions = {}): Promise<GetResult | undefined> {
    const found = this.rows.get(keyBytes(key));
    const row = found instanceof Promise ? await found : found;
    if (row === undefined) return undefined;
    const { onlyIf, customerKey } = options;
    const object = objectOf(key, row);
    if (onlyIf !== undefined && !holds(onlyIf, row)) return { found: false, object };
    checkCustomerKey(customerKey, object.ssecKeyMd5);
    const { range, partCount } = rangeOf(row, options);
    const { offset, length } = range ?? { offset: 0, length: row.size };
    const body = this.#bodyOf(row, offset, length, customerKey);
    return {
      found: true,
      object,
      body,
      ...(range !== undefined && { range }),
      ...(partCount !== undefined && { partCount }),
    };
  }

  /** Stores an object; undefined when a condition did not hold. Errors 10011 to 10013, 10020, 10037, 10069, 100100. */
  put(key: string, body: Body, options: PutOptions = {}): Promise<R2Object | undefined> {
    return this.#put(key, body, options, "PutObject");
  }

  async #put(
    key: string,
    body: Body,
    options: PutOptions,
    action: NotificationAction,
    copySource?: { bucket: string; object: string },
  ): Promise<R2Object | undefined> {
    const name = keyBytes(key);
    const columns = attributeColumns(options);
    const storageClass = options.storageClass ?? this.info.storageClass;
    checkStorageClass(storageClass);
    const ssecKeyMd5 = options.customerKey === undefined ? null : customerKeyMd5(options.customerKey);
    return this.working(async () => {
      // Before the body is taken, and again in the moment of the change.
      if (!(await this.#mayReplace(key, name, options.onlyIf)).allowed) return undefined;
      const received = await this.#receiver.receive(body, options, MAX_PUT_BYTES);
      try {
        const { size, md5, checksums, inline, pieces, arrived } = received;
        const row: ObjectRow = {
          ...columns,
          ...(arrived?.s3 !== undefined && { s3: arrived.s3 }),
          version: newVersion(),
          size,
          etag: md5,
          uploaded: Date.now(),
          storageClass,
          checksums: textOrNull(checksums),
          ssecKeyMd5,
          inline,
          pieces,
        };
        const object = await this.commit(key, row, action, options.onlyIf, copySource);
        if (object === undefined) await this.#receiver.discard(received);
        return object;
      } catch (error) {
        await this.#receiver.discard(received).catch(() => {});
        throw error;
      } finally {
        received.release();
      }
    });
  }

  /** Deletes an object. One that is not there is no error. Error 10069. */
  async delete(key: string): Promise<void> {
    const [result] = await this.deleteMany([key]);
    if (result?.error) throw result.error;
  }

  /** Deletes up to 1000 objects, each for itself. */
  async deleteMany(keys: string[]): Promise<DeleteResult[]> {
    if (keys.length > MAX_DELETE_KEYS) throw invalidArgument(`At most ${MAX_DELETE_KEYS} keys can be deleted at once.`);
    return this.working(async () => {
      const now = Date.now();
      const results = new Map<string, DeleteResult>();
      let left = [...new Set(keys)];
      // What was replaced meanwhile is looked at once more.
      while (left.length > 0) {
        const found: { text: string; key: Buffer; version: string; notice: string | undefined }[] = [];
        for (const text of left) {
          const key = keyBytes(text);
          const head = await this.rows.head(key);
          const error = head && this.#lockError(text, head, now);
          results.set(text, { key: text, ...(error && { error }) });
          if (head && !error) {
            found.push({
              text,
              key,
              version: head.version,
              notice: noticeOf(this.info, "DeleteObject", text, head, now),
            });
          }
        }
        if (found.length === 0) break;
        const deleted = await this.rows.delete(found);
        if (found.some(({ notice }) => notice !== undefined)) this.#store.noted(this);
        left = found.filter((_, index) => !deleted[index]).map(({ text }) => text);
      }
      return keys.map((key) => results.get(key) as DeleteResult);
    });
  }

  /** Deletes objects whose time has come and that are still of these versions; how many it were. */
  expire(objects: { key: string; version: string }[]): Promise<number> {
    return this.working(async () => {
      const now = Date.now();
      const due: { key: Buffer; version: string; notice: string | undefined }[] = [];
      for (const { key: text, version } of objects) {
        const key = keyBytes(text);
        const head = await this.rows.head(key);
        if (head?.version !== version || this.#lockError(text, head, now)) continue;
        due.push({ key, version, notice: noticeOf(this.info, "LifecycleDeletion", text, head, now) });
      }
      if (due.length === 0) return 0;
      const deleted = await this.rows.delete(due);
      if (due.some(({ notice }) => notice !== undefined)) this.#store.noted(this);
      return deleted.filter(Boolean).length;
    });
  }

  /** A page of objects in the order of their keys' UTF-8 bytes. Errors 10022, 10029. */
  list(options: ListOptions = {}): Promise<ListPage> {
    return listObjects(this.rows, options);
  }

  /**
   * Copies an object of this bucket or another, without reading it where that is possible: then the copy keeps ETag and
   * checksums. Undefined when a condition on what is replaced did not hold. Errors: 10007; 10031 of the source.
   */
  async copy(key: string, from: Bucket, source: CopySource, options: CopyOptions): Promise<R2Object | undefined> {
    const found = await from.get(source.key, source);
    if (found === undefined) throw noSuchKey();
    if (!found.found) throw preconditionFailed();
    const { object, body } = found;
    const { http, custom, s3 } = options.metadata === "keep" ? object : options;
    const attributes = { http, custom, s3 };
    const storageClass = options.storageClass ?? this.info.storageClass;
    const { onlyIf, customerKey } = options;
    const plain = source.customerKey === undefined && customerKey === undefined && source.range === undefined;
    try {
      if (!plain || body.inline !== undefined) {
        const put: PutOptions = { ...attributes, storageClass, size: body.length, onlyIf, customerKey };
        return await this.#put(key, body.chunks(), put, "CopyObject", { bucket: from.info.name, object: source.key });
      }
      const name = keyBytes(key);
      const columns = attributeColumns(attributes);
      checkStorageClass(storageClass);
      return await this.working(async () => {
        if (!(await this.#mayReplace(key, name, onlyIf)).allowed) return undefined;
        const pieces = body.pieces.map(({ file, size }) => ({ from: file, file: newContentName(), size }));
        const files = pieces.map(({ file }) => file);
        const release = this.#store.leases.hold(files);
        try {
          await this.rows.announce(files, Date.now() + ARRIVAL_MS);
          for (const { from, file } of pieces) await this.#store.contents.copy(from, file);
          const { size, etag, checksums } = object;
          const row: ObjectRow = {
            ...columns,
            ...{ version: newVersion(), size, etag, uploaded: Date.now(), storageClass },
            ...{ checksums: textOrNull(checksums), ssecKeyMd5: null, inline: null },
            pieces: pieces.map(({ file, size }) => ({ file, size })),
          };
          const copySource = { bucket: from.info.name, object: source.key };
          const copied = await this.commit(key, row, "CopyObject", onlyIf, copySource);
          if (copied === undefined) await this.rows.renounce(files);
          return copied;
        } catch (error) {
          await this.rows.renounce(files).catch(() => {});
          throw error;
        } finally {
          release();
        }
      });
    } finally {
      body.cancel();
    }
  }

  /** Moves an object to another storage class, unless it was replaced meanwhile. */
  setStorageClass(key: string, version: string, storageClass: StorageClass): Promise<boolean> {
    return this.working(() => this.rows.setStorageClass(keyBytes(key), version, storageClass));
  }

  /** Makes a row the object of this key if that is allowed; undefined when a condition did not hold. */
  async commit(
    key: string,
    row: ObjectRow,
    action: NotificationAction,
    onlyIf: Conditions | undefined,
    copySource?: { bucket: string; object: string },
    write: (expected: Expected, notice: string | undefined) => Promise<boolean> = (expected, notice) =>
      this.rows.put(keyBytes(key), row, expected, notice),
  ): Promise<R2Object | undefined> {
    const name = keyBytes(key);
    const notice = noticeOf(this.info, action, key, row, row.uploaded, copySource);
    for (;;) {
      const { allowed, version } = await this.#mayReplace(key, name, onlyIf);
      if (!allowed) return undefined;
      if (await write(version, notice)) {
        if (notice !== undefined) this.#store.noted(this);
        return objectOf(key, row);
      }
    }
  }

  /** Runs work during which the bucket must stay open. Error 10006 when it has been deleted. */
  async working<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#gone) throw noSuchBucket();
    this.#busy++;
    try {
      return await work();
    } finally {
      this.#busy--;
    }
  }

  /** Nothing is under way. */
  get idle(): boolean {
    return this.#busy === 0 && this.rows.idle;
  }

  /** From now on every change is refused. */
  end(): void {
    this.#gone = true;
  }

  /** Takes {@link end} back. */
  revive(): void {
    this.#gone = false;
  }

  async #mayReplace(
    key: string,
    name: Buffer,
    onlyIf: Conditions | undefined,
  ): Promise<{ allowed: boolean; version: Expected }> {
    if (this.#gone) throw noSuchBucket();
    const head = await this.rows.head(name);
    if (onlyIf !== undefined && !holds(onlyIf, head)) return { allowed: false, version: null };
    const error = head && this.#lockError(key, head, Date.now());
    if (error) throw error;
    return { allowed: true, version: head?.version ?? null };
  }

  #lockError(key: string, head: ObjectHead, nowMs: number): R2Error | undefined {
    const { locks } = this.info.settings;
    if (locks === undefined || lockOf(locks, key, head.uploaded, nowMs) === undefined) return undefined;
    return objectLocked();
  }

  #bodyOf(row: ObjectRow, offset: number, length: number, customerKey: CustomerKey | undefined): ObjectBody {
    const { contents, leases } = this.#store;
    if (row.pieces === null) {
      const { buffer, byteOffset } = row.inline as Uint8Array;
      return new ObjectBody(
        contents,
        { inline: Buffer.from(buffer as ArrayBuffer, byteOffset + offset, length) },
        () => {},
      );
    }
    const slices = slicesOf(row.pieces, offset, length);
    const release = leases.hold(slices.map(({ piece }) => piece.file));
    return new ObjectBody(contents, { slices, customerKey }, release);
  }
}
