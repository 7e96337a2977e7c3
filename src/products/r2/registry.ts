import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { bucketExists, invalidBucketName, invalidStorageClass, noSuchBucket, tooManyBuckets } from "./errors.ts";
import { BUCKET_NAME, MAX_BUCKETS } from "./limits.ts";
import type { StorageClass } from "./model.ts";
import { type BucketSettings, defaultSettings } from "./settings.ts";

/** A bucket, but for what is in it. */
export interface BucketInfo {
  /** 32 hex digits: names its directory, and never changes. */
  id: string;
  accountId: string;
  name: string;
  /** Milliseconds since 1970. */
  created: number;
  /** Taken as a hint by the original; here one machine has one place. */
  location: string;
  jurisdiction: string;
  /** Of objects that are put without one. */
  storageClass: StorageClass;
  /** 32 hex digits of the bucket's public host name. */
  publicId: string;
  settings: BucketSettings;
}

export interface BucketChoices {
  storageClass?: StorageClass | undefined;
  location?: string | undefined;
  jurisdiction?: string | undefined;
}

export interface BucketListOptions {
  /** Part of the name. */
  contains?: string;
  /** What the name begins with. */
  prefix?: string;
  /** Names after this one. */
  after?: string;
  limit?: number;
  descending?: boolean;
}

const SCHEMA = `
  create table if not exists buckets (
    id text primary key, account text not null, name text not null, created integer not null, location text not null,
    jurisdiction text not null, class text not null, public_id text not null unique, settings text not null,
    unique (account, name)) without rowid;
  drop table if exists domains;`;

type Row = {
  id: string;
  account: string;
  name: string;
  created: number;
  location: string;
  jurisdiction: string;
  class: string;
  public_id: string;
  settings: string;
};

/**
 * The buckets of all accounts, by name: a SQLite file of the services role, which is the only one that writes it. So buckets
 * are made and set without the control process, too.
 */
export class BucketRegistry {
  readonly #database: DatabaseSync;
  readonly #byName: StatementSync;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#database = new DatabaseSync(path, { timeout: 5000, defensive: true, enableForeignKeyConstraints: true });
    this.#database.exec(`pragma journal_mode = wal; pragma synchronous = full; begin immediate; ${SCHEMA} commit`);
    this.#byName = this.#database.prepare("select * from buckets where account = ? and name = ?");
  }

  find(accountId: string, name: string): BucketInfo | undefined {
    return infoOf(this.#byName.get(accountId, name));
  }

  /** By the host name that the world knows it by. */
  findPublic(publicId: string): BucketInfo | undefined {
    return infoOf(this.#database.prepare("select * from buckets where public_id = ?").get(publicId));
  }

  findById(id: string): BucketInfo | undefined {
    return infoOf(this.#database.prepare("select * from buckets where id = ?").get(id));
  }

  /** Buckets in the order of their names. */
  list(
    accountId: string,
    { contains = "", prefix = "", after, limit = 1000, descending = false }: BucketListOptions,
  ): BucketInfo[] {
    const sql = `select * from buckets where account = ? and instr(name, ?) > 0 and name >= ? and substr(name, 1, ?) = ? and (? is null or name ${descending ? "<" : ">"} ?)
      order by name ${descending ? "desc" : "asc"} limit ?`;
    const rows = this.#database
      .prepare(sql)
      .all(accountId, contains, prefix, prefix.length, prefix, after ?? null, after ?? null, limit);
    return rows.map((row) => infoOf(row) as BucketInfo);
  }

  /** Every bucket there is. */
  all(): BucketInfo[] {
    const rows = this.#database.prepare("select * from buckets order by account, name").all();
    return rows.map((row) => infoOf(row) as BucketInfo);
  }

  /** Errors 10004, 10005, 10009, 10062. */
  create(accountId: string, name: string, choices: BucketChoices, id: string): BucketInfo {
    checkBucketName(name);
    const { storageClass = "Standard", location = "", jurisdiction = "default" } = choices;
    checkStorageClass(storageClass);
    const { count } = this.#database
      .prepare("select count(*) as count from buckets where account = ?")
      .get(accountId) as {
      count: number;
    };
    if (count >= MAX_BUCKETS) throw tooManyBuckets();
    const info: BucketInfo = {
      id,
      accountId,
      name,
      created: Date.now(),
      location,
      jurisdiction,
      storageClass,
      publicId: randomBytes(16).toString("hex"),
      settings: defaultSettings,
    };
    const sql = "insert into buckets values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (account, name) do nothing";
    const { changes } = this.#database
      .prepare(sql)
      .run(
        id,
        accountId,
        name,
        info.created,
        location,
        jurisdiction,
        storageClass,
        info.publicId,
        JSON.stringify(info.settings),
      );
    if (changes === 0) throw bucketExists();
    return info;
  }

  /** Changes settings or the storage class; a setting that is undefined is taken away. Error 10006. */
  update(info: BucketInfo, change: { settings?: BucketSettings; storageClass?: StorageClass }): BucketInfo {
    const current = this.find(info.accountId, info.name);
    if (current?.id !== info.id) throw noSuchBucket();
    const settings = { ...current.settings, ...change.settings };
    const storageClass = change.storageClass ?? current.storageClass;
    checkStorageClass(storageClass);
    this.#database
      .prepare("update buckets set settings = ?, class = ? where id = ?")
      .run(JSON.stringify(settings), storageClass, info.id);
    return { ...current, settings, storageClass };
  }

  /** False: it was gone. */
  delete(id: string): boolean {
    return this.#database.prepare("delete from buckets where id = ?").run(id).changes === 1;
  }

  close(): void {
    this.#database.close();
  }
}

export function checkBucketName(name: string): void {
  if (!BUCKET_NAME.test(name)) throw invalidBucketName();
}

export function checkStorageClass(text: string): asserts text is StorageClass {
  if (text !== "Standard" && text !== "InfrequentAccess") throw invalidStorageClass();
}

function infoOf(row: unknown): BucketInfo | undefined {
  if (row === undefined) return undefined;
  const { id, account, name, created, location, jurisdiction, class: storageClass, public_id, settings } = row as Row;
  return {
    id,
    accountId: account,
    name,
    created,
    location,
    jurisdiction,
    storageClass: storageClass as StorageClass,
    publicId: public_id,
    settings: JSON.parse(settings),
  };
}
