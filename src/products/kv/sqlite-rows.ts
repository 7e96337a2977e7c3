import { RowFile } from "../../store/row-file.ts";
import type { KvChange, KvListedRow, KvRow, KvRows } from "./rows.ts";

const CACHE_KIB = 512;

/**
 * The value is the last column, so that what stands before it is read without it. Triggers keep the list of garbage in the
 * same transaction as the change, so that one statement is all a write takes.
 */
const SCHEMA = `
  create table if not exists entries (
    id integer primary key, key blob not null unique, expires integer, metadata text, file text, size integer not null, value blob);
  create index if not exists entries_expires on entries (expires) where expires is not null;
  create table if not exists garbage (file text primary key, after integer not null) without rowid;
  create trigger if not exists entries_named after insert on entries when new.file is not null
    begin delete from garbage where file = new.file; end;
  create trigger if not exists entries_replaced after update on entries when old.file is not new.file
    begin
      delete from garbage where file = new.file;
      insert or replace into garbage select old.file, 0 where old.file is not null;
    end;
  create trigger if not exists entries_removed after delete on entries when old.file is not null
    begin insert or replace into garbage values (old.file, 0); end;`;

/** After every key: no UTF-8 text has this byte. */
const END = Uint8Array.of(0xff);

type EntryArray = [
  expires: number | null,
  metadata: string | null,
  file: string | null,
  size: number,
  value: Uint8Array | null,
];
type ListedArray = [key: Uint8Array, expires: number | null, metadata: string | null];

/** Rows in a SQLite file, which is made when there is none; its directory must be there. Reads answer at once. */
export class SqliteRows implements KvRows {
  readonly #file: RowFile<keyof typeof statements>;

  constructor(path: string) {
    this.#file = new RowFile(path, { schema: SCHEMA, cacheKib: CACHE_KIB, statements });
  }

  get idle(): boolean {
    return this.#file.idle;
  }

  get(key: Uint8Array): KvRow | undefined {
    const found = this.#file.statements.get.get(key) as EntryArray | undefined;
    if (found === undefined) return undefined;
    const [expires, metadata, file, size, value] = found;
    return { expires, metadata, file, size, value };
  }

  list(from: Uint8Array, to: Uint8Array | undefined, limit: number): KvListedRow[] {
    const rows = this.#file.statements.list.all(from, to ?? END, limit) as unknown as ListedArray[];
    return rows.map(([key, expires, metadata]) => ({ key, expires, metadata }));
  }

  async write(changes: KvChange[]): Promise<void> {
    const apply = () => {
      for (const change of changes) this.#apply(change);
    };
    // A statement by itself is a transaction.
    if (changes.length === 1) apply();
    else this.#file.atomically(apply);
    await this.#file.durable();
  }

  async announce(file: string, untilMs: number): Promise<void> {
    this.#file.statements.announce.run(file, untilMs);
    await this.#file.durable();
  }

  garbage(nowMs: number, limit: number): string[] {
    const rows = this.#file.statements.garbage.all(nowMs, limit) as unknown as [string][];
    return rows.map(([file]) => file);
  }

  async forget(files: string[]): Promise<void> {
    this.#file.atomically(() => {
      for (const file of files) this.#file.statements.forget.run(file);
    });
    await this.#file.durable();
  }

  async expire(nowS: number, limit: number): Promise<number> {
    const { changes } = this.#file.statements.expire.run(nowS, limit);
    if (changes !== 0) await this.#file.durable();
    return Number(changes);
  }

  close(): void {
    this.#file.close();
  }

  #apply({ key, row }: KvChange): void {
    if (row === undefined) this.#file.statements.delete.run(key);
    else this.#file.statements.set.run(key, row.expires, row.metadata, row.file, row.size, row.value);
  }
}

const statements = {
  get: "select expires, metadata, file, size, value from entries where key = ?",
  list: "select key, expires, metadata from entries where key >= ? and key < ? order by key limit ?",
  set:
    "insert into entries (key, expires, metadata, file, size, value) values (?, ?, ?, ?, ?, ?) on conflict (key) " +
    "do update set expires = excluded.expires, metadata = excluded.metadata, file = excluded.file, size = excluded.size, value = excluded.value",
  delete: "delete from entries where key = ?",
  announce: "insert or replace into garbage values (?, ?)",
  garbage: "select file from garbage where after <= ? limit ?",
  forget: "delete from garbage where file = ?",
  expire: "delete from entries where id in (select id from entries where expires <= ? limit ?)",
} as const;
