import { openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { LogSync } from "./log-sync.ts";
import type { KvChange, KvListedRow, KvRow, KvRows } from "./rows.ts";

/** How long to wait for another process that has the file locked: a backup reads only, so it is never long. */
const BUSY_TIMEOUT_MS = 5_000;

/** Pages kept in memory for each namespace, in KiB; the system's own cache does the rest. */
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
  readonly #database: DatabaseSync;
  readonly #log: LogSync;
  readonly #get: StatementSync;
  readonly #list: StatementSync;
  readonly #set: StatementSync;
  readonly #delete: StatementSync;
  readonly #announce: StatementSync;
  readonly #garbage: StatementSync;
  readonly #forget: StatementSync;
  readonly #expire: StatementSync;

  constructor(path: string) {
    const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, defensive: true });
    this.#database = database;
    try {
      // Normal: the log is synced by `LogSync`, before anybody is told that something is stored.
      database.exec(`pragma journal_mode = wal; pragma synchronous = normal; pragma cache_size = -${CACHE_KIB};`);
      database.exec(`begin immediate; ${SCHEMA} commit`);
      const array = (sql: string) => {
        const statement = database.prepare(sql);
        statement.setReturnArrays(true);
        return statement;
      };
      this.#get = array("select expires, metadata, file, size, value from entries where key = ?");
      this.#list = array("select key, expires, metadata from entries where key >= ? and key < ? order by key limit ?");
      this.#set = database.prepare(
        "insert into entries (key, expires, metadata, file, size, value) values (?, ?, ?, ?, ?, ?) on conflict (key) " +
          "do update set expires = excluded.expires, metadata = excluded.metadata, file = excluded.file, size = excluded.size, value = excluded.value",
      );
      this.#delete = database.prepare("delete from entries where key = ?");
      this.#announce = database.prepare("insert or replace into garbage values (?, ?)");
      this.#garbage = array("select file from garbage where after <= ? limit ?");
      this.#forget = database.prepare("delete from garbage where file = ?");
      this.#expire = database.prepare(
        "delete from entries where id in (select id from entries where expires <= ? limit ?)",
      );
      this.#log = new LogSync(openSync(`${path}-wal`, "r"));
    } catch (error) {
      database.close();
      throw error;
    }
  }

  get idle(): boolean {
    return this.#log.idle;
  }

  get(key: Uint8Array): KvRow | undefined {
    const found = this.#get.get(key) as EntryArray | undefined;
    if (found === undefined) return undefined;
    const [expires, metadata, file, size, value] = found;
    return { expires, metadata, file, size, value };
  }

  list(from: Uint8Array, to: Uint8Array | undefined, limit: number): KvListedRow[] {
    const rows = this.#list.all(from, to ?? END, limit) as unknown as ListedArray[];
    return rows.map(([key, expires, metadata]) => ({ key, expires, metadata }));
  }

  async write(changes: KvChange[]): Promise<void> {
    const apply = () => {
      for (const change of changes) this.#apply(change);
    };
    // A statement by itself is a transaction.
    if (changes.length === 1) apply();
    else this.#atomically(apply);
    await this.#log.durable();
  }

  async announce(file: string, untilMs: number): Promise<void> {
    this.#announce.run(file, untilMs);
    await this.#log.durable();
  }

  garbage(nowMs: number, limit: number): string[] {
    const rows = this.#garbage.all(nowMs, limit) as unknown as [string][];
    return rows.map(([file]) => file);
  }

  async forget(files: string[]): Promise<void> {
    this.#atomically(() => {
      for (const file of files) this.#forget.run(file);
    });
    await this.#log.durable();
  }

  async expire(nowS: number, limit: number): Promise<number> {
    const { changes } = this.#expire.run(nowS, limit);
    if (changes !== 0) await this.#log.durable();
    return Number(changes);
  }

  close(): void {
    this.#log.close();
    this.#database.close();
  }

  #apply({ key, row }: KvChange): void {
    if (row === undefined) this.#delete.run(key);
    else this.#set.run(key, row.expires, row.metadata, row.file, row.size, row.value);
  }

  #atomically(work: () => void): void {
    this.#database.exec("begin immediate");
    try {
      work();
      this.#database.exec("commit");
    } catch (error) {
      // A full disk may have rolled it back already.
      if (this.#database.isTransaction) this.#database.exec("rollback");
      throw error;
    }
  }
}
