import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncDirectory } from "../../lib/durable-file.ts";
import { KeyedMutex } from "../../lib/keyed-mutex.ts";
import { COLLECT_LOCK, type CollectLock, collectLock } from "../kv/collect-lock.ts";
import { Bucket, type BucketStore } from "./bucket.ts";
import type { Contents } from "./contents.ts";
import { DirectoryContents } from "./directory-contents.ts";
import { bucketExists, bucketNotEmpty, noSuchBucket, tooManyInUse } from "./errors.ts";
import { Leases } from "./leases.ts";
import { type LifecycleResult, runLifecycle } from "./lifecycle.ts";
import {
  CROWD_OF_OPEN_BUCKETS,
  KEPT_OPEN_IN_CROWD_MS,
  KEPT_OPEN_MS,
  LIFECYCLE_MS,
  MAX_OPEN_BUCKETS,
  MOST_OPEN_BUCKETS,
  SWEEP_ALL_MS,
  SWEEP_FILES,
  SWEEP_MS,
} from "./limits.ts";
import type { StorageClass } from "./model.ts";
import { type Enqueue, NoticeRelay } from "./notice-relay.ts";
import {
  type BucketChoices,
  type BucketInfo,
  type BucketListOptions,
  BucketRegistry,
  checkBucketName,
} from "./registry.ts";
import type { BucketSettings } from "./settings.ts";
import { SqliteBucketRows } from "./sqlite-rows.ts";

/** Names in the directory of all buckets. */
const REGISTRY = "buckets.sqlite";
export const CONTENTS = "contents";
const INDEX = "index.sqlite";

const ID = /^[0-9a-f]{32}$/;

/** What a bucket was called that is no more does not matter. */
const NOBODY: BucketInfo = {
  ...{ id: "", accountId: "", name: "", created: 0, location: "", jurisdiction: "", publicId: "" },
  storageClass: "Standard",
  settings: {},
};

export interface BucketsOptions {
  /** In place of files in the same directory. */
  contents?: Contents;
  /** Where notifications go. */
  enqueue?: Enqueue;
  /** In place of {@link MOST_OPEN_BUCKETS}, for tests. */
  mostOpen?: number;
}

/**
 * The buckets of all accounts, in one directory: names and settings in `buckets.sqlite`, each bucket's index in
 * `<account>/<id>/index.sqlite`, and contents in `contents/`. One process at a time.
 */
export class Buckets {
  readonly #root: string;
  readonly #registry: BucketRegistry;
  readonly #store: BucketStore;
  readonly #relay: NoticeRelay;
  readonly #lock: CollectLock;
  /** By account and name, those used last at the end. */
  readonly #open = new Map<string, Bucket>();
  /** Deleted, but with contents that are still to be removed; by id. */
  readonly #leaving = new Map<string, Bucket>();
  /** Ids of buckets that are being made. */
  readonly #coming = new Set<string>();
  readonly #changes = new KeyedMutex();
  readonly #mostOpen: number;
  readonly #timers: NodeJS.Timeout[];
  #sweeping: Promise<void> | undefined;
  /** When the run of lifecycle rules began that is under way. */
  #agingSince: number | undefined;

  constructor(root: string, options: BucketsOptions = {}) {
    this.#root = root;
    this.#mostOpen = options.mostOpen ?? MOST_OPEN_BUCKETS;
    this.#registry = new BucketRegistry(join(root, REGISTRY));
    const relay = new NoticeRelay(options.enqueue ?? (async () => false));
    this.#relay = relay;
    this.#store = {
      contents: options.contents ?? new DirectoryContents(join(root, CONTENTS)),
      leases: new Leases(),
      noted: (bucket) => relay.wake(bucket),
    };
    this.#lock = collectLock(join(root, COLLECT_LOCK));
    this.#timers = [
      setInterval(() => void this.sweep([...this.#open.values()].map(({ info }) => info)), SWEEP_MS).unref(),
      setInterval(() => void this.sweep(), SWEEP_ALL_MS).unref(),
      setInterval(() => void this.#lifecycles(), LIFECYCLE_MS).unref(),
    ];
  }

  /** The bucket of this name. Error 10006. */
  require(accountId: string, name: string): Bucket {
    const bucket = this.find(accountId, name);
    if (bucket === undefined) throw noSuchBucket();
    return bucket;
  }

  find(accountId: string, name: string): Bucket | undefined {
    const path = `${accountId}/${name}`;
    const known = this.#open.get(path);
    if (known !== undefined) {
      known.usedAtMs = performance.now();
      if (this.#open.size > MAX_OPEN_BUCKETS / 2) {
        this.#open.delete(path);
        this.#open.set(path, known);
      }
      return known;
    }
    const info = this.#registry.find(accountId, name);
    return info && this.#openBucket(info);
  }

  /** The bucket that `pub-<publicId>.r2.<domain>` serves, unless that is switched off. */
  findPublic(publicId: string): Bucket | undefined {
    const info = this.#registry.findPublic(publicId);
    return info?.settings.managedDomain ? this.find(info.accountId, info.name) : undefined;
  }

  /** Whatever it is called now. */
  findById(accountId: string, id: string): Bucket | undefined {
    const info = this.#registry.findById(id);
    return info?.accountId === accountId ? this.find(accountId, info.name) : undefined;
  }

  /** What a bucket is set to, without opening it; undefined when there is none. */
  settingsOf(accountId: string, name: string): BucketSettings | undefined {
    const info = this.#open.get(`${accountId}/${name}`)?.info ?? this.#registry.find(accountId, name);
    return info?.settings;
  }

  /** Buckets of an account in the order of their names. */
  list(accountId: string, options: BucketListOptions = {}): BucketInfo[] {
    return this.#registry.list(accountId, options);
  }

  /** Makes a bucket. Errors 10004 (there is one), 10005, 10009, 10062. */
  create(accountId: string, name: string, choices: BucketChoices = {}): Promise<BucketInfo> {
    return this.#changes.run(`${accountId}/${name}`, async () => {
      checkBucketName(name);
      if (this.#registry.find(accountId, name)) throw bucketExists();
      const id = randomBytes(16).toString("hex");
      const directory = this.#directoryOf(accountId, id);
      this.#coming.add(id);
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        // The account's directory may be new as well.
        await syncDirectory(dirname(directory));
        await syncDirectory(this.#root);
        return this.#registry.create(accountId, name, choices, id);
      } finally {
        this.#coming.delete(id);
      }
    });
  }

  /** Deletes an empty bucket. Errors 10006, 10008. */
  delete(accountId: string, name: string): Promise<void> {
    return this.#changes.run(`${accountId}/${name}`, async () => {
      const bucket = this.require(accountId, name);
      bucket.end();
      try {
        const [found] = await bucket.rows.list(Buffer.alloc(0), undefined, 1);
        const [upload] = await bucket.rows.uploads({ key: Buffer.alloc(0), id: "" }, undefined, 1);
        if (found ?? upload) throw bucketNotEmpty();
      } catch (error) {
        bucket.revive();
        throw error;
      }
      this.#registry.delete(bucket.info.id);
      this.#open.delete(`${accountId}/${name}`);
      this.#leaving.set(bucket.info.id, bucket);
      await this.#leave(bucket);
    });
  }

  /** Changes settings (one that is undefined is taken away) or the storage class of new objects. Error 10006. */
  update(
    accountId: string,
    name: string,
    change: { settings?: BucketSettings; storageClass?: StorageClass },
  ): BucketInfo {
    const bucket = this.require(accountId, name);
    bucket.info = this.#registry.update(bucket.info, change);
    return bucket.info;
  }

  /** Removes contents of these buckets, or of all, that nothing names any more. */
  sweep(buckets?: BucketInfo[]): Promise<void> {
    if (buckets === undefined) this.#findLost();
    this.#sweeping ??= this.#sweep(buckets ?? this.#registry.all()).finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  /** Does what the lifecycle rules of all buckets ask for at this time. */
  async runLifecycles(nowMs = Date.now()): Promise<LifecycleResult> {
    const total: LifecycleResult = { deleted: 0, moved: 0, aborted: 0 };
    for (const { accountId, name } of this.#registry.all()) {
      try {
        const bucket = this.find(accountId, name);
        if (bucket === undefined) continue;
        const { deleted, moved, aborted } = await runLifecycle(bucket, nowMs);
        total.deleted += deleted;
        total.moved += moved;
        total.aborted += aborted;
      } catch (error) {
        // It may have been deleted meanwhile; the rest is done the next time.
        console.error(`R2 bucket ${name} of ${accountId}: lifecycle rules failed:`, error);
      }
    }
    return total;
  }

  /** Closes all. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const path of [...this.#open.keys()]) this.#close(path);
    for (const bucket of this.#leaving.values()) closeWhenIdle(bucket);
    this.#registry.close();
  }

  /** One run at a time. */
  async #lifecycles(): Promise<void> {
    if (this.#agingSince !== undefined) return;
    this.#agingSince = Date.now();
    await this.runLifecycles(this.#agingSince).finally(() => {
      this.#agingSince = undefined;
    });
  }

  #directoryOf(accountId: string, id: string): string {
    return join(this.#root, accountId, id);
  }

  #rowsOf({ accountId, id }: BucketInfo): SqliteBucketRows {
    // A backup may have the name of a bucket that was deleted meanwhile, and so was empty.
    mkdirSync(this.#directoryOf(accountId, id), { recursive: true, mode: 0o700 });
    return new SqliteBucketRows(join(this.#directoryOf(accountId, id), INDEX));
  }

  #openBucket(info: BucketInfo): Bucket {
    const keptMs = this.#open.size < CROWD_OF_OPEN_BUCKETS ? KEPT_OPEN_MS : KEPT_OPEN_IN_CROWD_MS;
    for (const [path, bucket] of this.#open) {
      if (this.#open.size < MAX_OPEN_BUCKETS) break;
      if (bucket.idle && performance.now() - bucket.usedAtMs > keptMs) this.#close(path);
    }
    if (this.#open.size >= this.#mostOpen) throw tooManyInUse();
    const bucket = new Bucket(info, this.#rowsOf(info), this.#store);
    this.#open.set(`${info.accountId}/${info.name}`, bucket);
    return bucket;
  }

  #close(path: string): void {
    const bucket = this.#open.get(path);
    if (bucket === undefined) return;
    this.#open.delete(path);
    closeWhenIdle(bucket);
  }

  async #sweep(buckets: BucketInfo[]): Promise<void> {
    for (const bucket of this.#leaving.values()) await this.#leave(bucket);
    for (const { accountId, name } of buckets) {
      try {
        const bucket = this.find(accountId, name);
        if (bucket === undefined) continue;
        this.#relay.wake(bucket);
        await this.#sweepBucket(bucket);
      } catch (error) {
        // It may have been closed or deleted meanwhile; what is left is removed the next time.
        console.error(`R2 bucket ${name} of ${accountId}: removing old contents failed:`, error);
      }
    }
  }

  /** Deleted buckets that an earlier process had not finished with: directories that no bucket names. */
  #findLost(): void {
    const known = new Set(this.#registry.all().map(({ id }) => id));
    for (const accountId of namesIn(this.#root)) {
      for (const id of namesIn(join(this.#root, accountId))) {
        if (known.has(id) || this.#leaving.has(id) || this.#coming.has(id)) continue;
        const info = { ...NOBODY, accountId, id };
        this.#leaving.set(id, new Bucket(info, this.#rowsOf(info), this.#store));
      }
    }
  }

  /** Removes what is left of a deleted bucket, once nobody works with it. */
  async #leave(bucket: Bucket): Promise<void> {
    const { accountId, id } = bucket.info;
    bucket.end();
    try {
      const [object] = await bucket.rows.list(Buffer.alloc(0), undefined, 1);
      if (object !== undefined) {
        // Only an empty bucket is deleted, so its name was lost: what names it may come back from a backup.
        console.error(`R2: bucket ${id} of ${accountId} has objects and no name; its directory is left as it is.`);
        this.#leaving.delete(id);
        closeWhenIdle(bucket);
        return;
      }
      if (!bucket.idle || !(await this.#sweepBucket(bucket, Number.MAX_SAFE_INTEGER)) || !bucket.idle) return;
      this.#leaving.delete(id);
      bucket.rows.close();
      await rm(this.#directoryOf(accountId, id), { recursive: true, force: true });
    } catch (error) {
      console.error(`R2: removing what is left of bucket ${id} of ${accountId} failed:`, error);
    }
  }

  /** False: something is left, since a backup runs, or somebody reads it. */
  async #sweepBucket({ rows }: Bucket, nowMs = Date.now()): Promise<boolean> {
    const { contents, leases } = this.#store;
    for (;;) {
      const garbage = await rows.garbage(nowMs, SWEEP_FILES);
      const files = garbage.filter((file) => !leases.has(file));
      if (files.length === 0) return garbage.length === 0;
      const removed = await this.#lock.whileFree(async () => {
        for (const file of files) if (!leases.has(file)) await contents.remove(file);
      });
      if (!removed) return false;
      await rows.forget(files);
    }
  }
}

/** What is being synced is finished first: its descriptor's number could be another file's by then. */
function closeWhenIdle(bucket: Bucket): void {
  if (bucket.idle) bucket.rows.close();
  else setTimeout(() => closeWhenIdle(bucket), 10);
}

/** Directories of accounts, and of buckets in them. */
function namesIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => ID.test(name));
}
