import type { StatementSync } from "node:sqlite";
import { RowFile } from "../../store/row-file.ts";
import type {
  BucketRows,
  Completion,
  Expected,
  ListedRow,
  Notice,
  ObjectHead,
  ObjectRow,
  PartRow,
  Piece,
  UploadRow,
} from "./rows.ts";

const CACHE_KIB = 512;

const HEAD = "version, size, etag, uploaded, class, http, custom, checksums, ssec, s3";

/**
 * The contents are the last columns, so that what stands before them is read without. Triggers keep the list of garbage in
 * the same transaction as the change. `pieces` is a JSON list of `[file, size]`.
 */
const SCHEMA = `
  create table if not exists objects (
    id integer primary key, key blob not null unique, version text not null, size integer not null, etag text not null,
    uploaded integer not null, class text not null, http text, custom text, checksums text, ssec text, s3 text,
    inline blob, pieces text);
  create table if not exists uploads (
    id text primary key, key blob not null, created integer not null, class text not null, http text, custom text,
    ssec text, s3 text) without rowid;
  create index if not exists uploads_key on uploads (key, id);
  create table if not exists parts (
    upload text not null references uploads (id) on delete cascade, number integer not null, size integer not null,
    etag text not null, uploaded integer not null, file text not null, s3 text, primary key (upload, number)) without rowid;
  create table if not exists garbage (file text primary key, after integer not null) without rowid;
  create index if not exists garbage_after on garbage (after);
  create table if not exists notices (id integer primary key autoincrement, notice text not null);
  create trigger if not exists objects_set after insert on objects when new.pieces is not null
    begin delete from garbage where file in (select value ->> 0 from json_each(new.pieces)); end;
  create trigger if not exists objects_replaced after update of version on objects
    begin
      insert or replace into garbage select value ->> 0, 0 from json_each(old.pieces) where old.pieces is not null;
      delete from garbage where new.pieces is not null and file in (select value ->> 0 from json_each(new.pieces));
    end;
  create trigger if not exists objects_removed after delete on objects when old.pieces is not null
    begin insert or replace into garbage select value ->> 0, 0 from json_each(old.pieces); end;
  create trigger if not exists parts_set after insert on parts
    begin delete from garbage where file = new.file; end;
  create trigger if not exists parts_removed after delete on parts
    begin insert or replace into garbage values (old.file, 0); end;`;

/** After every key: no UTF-8 text has this byte. */
const END = Uint8Array.of(0xff);

type Row = (string | number | null | Uint8Array)[];

/** Rows in a SQLite file, which is made when there is none; its directory must be there. Reads answer at once. */
export class SqliteBucketRows implements BucketRows {
  readonly #file: RowFile<never>;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.#file = new RowFile(path, { schema: SCHEMA, cacheKib: CACHE_KIB, related: true, statements: {} });
  }

  get idle(): boolean {
    return this.#file.idle;
  }

  head(key: Uint8Array): ObjectHead | undefined {
    const row = this.#one(`select ${HEAD} from objects where key = ?`, key);
    return row && headOf(row, 0);
  }

  get(key: Uint8Array): ObjectRow | undefined {
    const row = this.#one(`select ${HEAD}, inline, pieces from objects where key = ?`, key);
    return (
      row && { ...headOf(row, 0), inline: row[10] as Uint8Array | null, pieces: piecesOf(row[11] as string | null) }
    );
  }

  list(from: Uint8Array, to: Uint8Array | undefined, limit: number): ListedRow[] {
    const sql = `select key, ${HEAD} from objects where key >= ? and key < ? order by key limit ?`;
    return this.#all(sql, from, to ?? END, limit).map((row) => ({ key: row[0] as Uint8Array, ...headOf(row, 1) }));
  }

  async put(key: Uint8Array, row: ObjectRow, expected: Expected, notice?: Notice): Promise<boolean> {
    const done = this.#file.atomically(() => this.#put(key, row, expected, notice));
    if (done) await this.#file.durable();
    return done;
  }

  async delete(objects: { key: Uint8Array; version: string; notice?: Notice | undefined }[]): Promise<boolean[]> {
    const done = this.#file.atomically(() =>
      objects.map(({ key, version, notice }) => {
        const was = this.#run("delete from objects where key = ? and version = ?", key, version) === 1;
        if (was) this.#note(notice);
        return was;
      }),
    );
    await this.#file.durable();
    return done;
  }

  async setStorageClass(key: Uint8Array, version: string, storageClass: string): Promise<boolean> {
    const changes = this.#run("update objects set class = ? where key = ? and version = ?", storageClass, key, version);
    await this.#file.durable();
    return changes === 1;
  }

  async createUpload({ id, key, created, storageClass, http, custom, ssecKeyMd5, s3 }: UploadRow): Promise<void> {
    this.#run(
      "insert into uploads (id, key, created, class, http, custom, ssec, s3) values (?, ?, ?, ?, ?, ?, ?, ?)",
      ...[id, key, created, storageClass, http, custom, ssecKeyMd5, s3],
    );
    await this.#file.durable();
  }

  upload(id: string): UploadRow | undefined {
    const row = this.#one(`select ${UPLOAD} from uploads where id = ?`, id);
    return row && uploadOf(row);
  }

  uploads({ key, id }: { key: Uint8Array; id: string }, to: Uint8Array | undefined, limit: number): UploadRow[] {
    const sql = `select ${UPLOAD} from uploads where (key, id) > (?, ?) and key < ? order by key, id limit ?`;
    return this.#all(sql, key, id, to ?? END, limit).map(uploadOf);
  }

  oldUploads(beforeMs: number, afterId: string, limit: number): UploadRow[] {
    const sql = `select ${UPLOAD} from uploads where id > ? and created < ? order by id limit ?`;
    return this.#all(sql, afterId, beforeMs, limit).map(uploadOf);
  }

  async putPart(uploadId: string, { number, size, etag, uploaded, file, s3 }: PartRow): Promise<boolean> {
    const done = this.#file.atomically(() => {
      if (this.#one("select 1 from uploads where id = ?", uploadId) === undefined) return false;
      this.#run("delete from parts where upload = ? and number = ?", uploadId, number);
      this.#run(
        "insert into parts (upload, number, size, etag, uploaded, file, s3) values (?, ?, ?, ?, ?, ?, ?)",
        ...[uploadId, number, size, etag, uploaded, file, s3],
      );
      return true;
    });
    if (done) await this.#file.durable();
    return done;
  }

  parts(uploadId: string, after: number, limit: number): PartRow[] {
    const sql =
      "select number, size, etag, uploaded, file, s3 from parts where upload = ? and number > ? order by number limit ?";
    return this.#all(sql, uploadId, after, limit).map(
      ([number, size, etag, uploaded, file, s3]) => ({ number, size, etag, uploaded, file, s3 }) as PartRow,
    );
  }

  async complete(
    uploadId: string,
    key: Uint8Array,
    row: ObjectRow,
    expected: Expected,
    notice?: Notice,
  ): Promise<Completion> {
    const done = this.#file.atomically((): Completion => {
      if (this.#one("select 1 from uploads where id = ?", uploadId) === undefined) return "no-upload";
      if (this.#versionOf(key) !== expected) return "changed";
      // First, so that the object takes what it names back from the garbage.
      this.#run("delete from parts where upload = ?", uploadId);
      this.#run("delete from uploads where id = ?", uploadId);
      this.#put(key, row, expected, notice);
      return "done";
    });
    if (done === "done") await this.#file.durable();
    return done;
  }

  async abort(uploadId: string): Promise<boolean> {
    const done = this.#file.atomically(() => {
      this.#run("delete from parts where upload = ?", uploadId);
      return this.#run("delete from uploads where id = ?", uploadId) === 1;
    });
    if (done) await this.#file.durable();
    return done;
  }

  async announce(files: string[], untilMs: number): Promise<void> {
    this.#file.atomically(() => {
      for (const file of files) this.#run("insert or replace into garbage values (?, ?)", file, untilMs);
    });
    await this.#file.durable();
  }

  async renounce(files: string[]): Promise<void> {
    this.#file.atomically(() => {
      for (const file of files) this.#run("update garbage set after = 0 where file = ?", file);
    });
    await this.#file.durable();
  }

  garbage(nowMs: number, limit: number): string[] {
    return this.#all("select file from garbage where after <= ? limit ?", nowMs, limit).map(([file]) => file as string);
  }

  async forget(files: string[]): Promise<void> {
    this.#file.atomically(() => {
      for (const file of files) this.#run("delete from garbage where file = ?", file);
    });
    await this.#file.durable();
  }

  notices(after: number, limit: number): { id: number; notice: Notice }[] {
    const rows = this.#all("select id, notice from notices where id > ? order by id limit ?", after, limit);
    return rows.map(([id, notice]) => ({ id, notice }) as { id: number; notice: Notice });
  }

  async told(id: number): Promise<void> {
    this.#run("delete from notices where id <= ?", id);
    await this.#file.durable();
  }

  totals(): { objects: number; bytes: number; uploads: number } {
    const [objects, bytes] = this.#one("select count(*), coalesce(sum(size), 0) from objects") as [number, number];
    const [uploads] = this.#one("select count(*) from uploads") as [number];
    return { objects, bytes, uploads };
  }

  close(): void {
    this.#file.close();
  }

  #put(key: Uint8Array, row: ObjectRow, expected: Expected, notice: Notice | undefined): boolean {
    const pieces = row.pieces && JSON.stringify(row.pieces.map(({ file, size }) => [file, size]));
    const { version, size, etag, uploaded, storageClass, http, custom, checksums, ssecKeyMd5, s3, inline } = row;
    const head = [version, size, etag, uploaded, storageClass, http, custom, checksums, ssecKeyMd5, s3];
    const changes =
      expected === null
        ? this.#run(
            `insert into objects (key, ${HEAD}, inline, pieces) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (key) do nothing`,
            ...[key, ...head, inline, pieces],
          )
        : this.#run(
            "update objects set version = ?, size = ?, etag = ?, uploaded = ?, class = ?, http = ?, custom = ?, " +
              "checksums = ?, ssec = ?, s3 = ?, inline = ?, pieces = ? where key = ? and version = ?",
            ...[...head, inline, pieces, key, expected],
          );
    if (changes === 1) this.#note(notice);
    return changes === 1;
  }

  #note(notice: Notice | undefined): void {
    if (notice !== undefined) this.#run("insert into notices (notice) values (?)", notice);
  }

  #versionOf(key: Uint8Array): Expected {
    return (this.#one("select version from objects where key = ?", key)?.[0] ?? null) as Expected;
  }

  #one(sql: string, ...values: Row): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  #all(sql: string, ...values: Row): Row[] {
    return this.#statement(sql).all(...values) as unknown as Row[];
  }

  #run(sql: string, ...values: Row): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#file.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

const UPLOAD = "id, key, created, class, http, custom, ssec, s3";

function headOf(row: Row, at: number): ObjectHead {
  const [version, size, etag, uploaded, storageClass, http, custom, checksums, ssecKeyMd5, s3] =
    at === 0 ? row : row.slice(at);
  return { version, size, etag, uploaded, storageClass, http, custom, checksums, ssecKeyMd5, s3 } as ObjectHead;
}

function uploadOf([id, key, created, storageClass, http, custom, ssecKeyMd5, s3]: Row): UploadRow {
  return { id, key, created, storageClass, http, custom, ssecKeyMd5, s3 } as UploadRow;
}

function piecesOf(json: string | null): Piece[] | null {
  return json === null ? null : (JSON.parse(json) as [string, number][]).map(([file, size]) => ({ file, size }));
}
