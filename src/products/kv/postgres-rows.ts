import type { SqlClient, SqlValue } from "../../store/postgres.ts";
import type { KvChange, KvListedRow, KvRow, KvRows } from "./rows.ts";

/** As in SQLite, triggers keep the list of garbage. Run once for a database; again does no harm. */
const SCHEMA = [
  `create table if not exists kv_entries (
    namespace text not null, key bytea not null, expires bigint, metadata text, file text, size bigint not null, value bytea,
    primary key (namespace, key))`,
  "create index if not exists kv_entries_expires on kv_entries (namespace, expires) where expires is not null",
  "create table if not exists kv_garbage (file text primary key, namespace text not null, after bigint not null)",
  "create index if not exists kv_garbage_namespace on kv_garbage (namespace, after)",
  `create or replace function kv_note_files() returns trigger language plpgsql as $$
    begin
      if tg_op <> 'DELETE' and new.file is not null then delete from kv_garbage where file = new.file; end if;
      if tg_op <> 'INSERT' and old.file is not null and (tg_op = 'DELETE' or new.file is distinct from old.file) then
        insert into kv_garbage values (old.file, old.namespace, 0) on conflict (file) do update set after = 0;
      end if;
      return null;
    end $$`,
  `create or replace trigger kv_entries_files after insert or update or delete on kv_entries
    for each row execute function kv_note_files()`,
];

/** The statement of every write: deletes, notes what a later change of the same batch replaced, sets. */
const WRITE = `
  with deleted as (delete from kv_entries where namespace = $1 and key = any($2::bytea[])),
  replaced as (
    insert into kv_garbage select file, $1, 0 from unnest($3::text[]) as replaced (file)
    on conflict (file) do update set after = 0)
  insert into kv_entries
  select $1, * from unnest($4::bytea[], $5::bigint[], $6::text[], $7::text[], $8::bigint[], $9::bytea[])
  on conflict (namespace, key) do update set expires = excluded.expires, metadata = excluded.metadata,
    file = excluded.file, size = excluded.size, value = excluded.value`;

/** Makes the tables that all namespaces share. */
export async function preparePostgres(client: SqlClient): Promise<void> {
  for (const sql of SCHEMA) await client.query(sql, []);
}

/** Rows of one namespace in PostgreSQL, which syncs a commit before it answers (`synchronous_commit`). */
export class PostgresRows implements KvRows {
  readonly #client: SqlClient;
  readonly #namespace: string;
  #running = 0;

  /** The tables must be there: {@link preparePostgres}. `namespace` is the namespace's id. */
  constructor(client: SqlClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  get idle(): boolean {
    return this.#running === 0;
  }

  async get(key: Uint8Array): Promise<KvRow | undefined> {
    const [found] = await this.#query(
      "select expires, metadata, file, size, value from kv_entries where namespace = $1 and key = $2",
      [key],
    );
    if (found === undefined) return undefined;
    const [expires, metadata, file, size, value] = found;
    return {
      expires: numberOrNull(expires),
      metadata: metadata as string | null,
      file: file as string | null,
      size: Number(size),
      value: value as Uint8Array | null,
    };
  }

  async list(from: Uint8Array, to: Uint8Array | undefined, limit: number): Promise<KvListedRow[]> {
    const rows = await this.#query(
      "select key, expires, metadata from kv_entries where namespace = $1 and key >= $2 and ($3::bytea is null or key < $3) order by key limit $4",
      [from, to ?? null, limit],
    );
    return rows.map(([key, expires, metadata]) => ({
      key: key as Uint8Array,
      expires: numberOrNull(expires),
      metadata: metadata as string | null,
    }));
  }

  async write(changes: KvChange[]): Promise<void> {
    const last = new Map<string, KvChange>();
    const replaced: string[] = [];
    for (const change of changes) {
      const key = Buffer.from(change.key).toString("latin1");
      const before = last.get(key)?.row?.file;
      if (before) replaced.push(before);
      last.set(key, change);
    }
    const deleted: Uint8Array[] = [];
    const set: { key: Uint8Array; row: KvRow }[] = [];
    for (const { key, row } of last.values()) {
      if (row) set.push({ key, row });
      else deleted.push(key);
    }
    const column = <Value>(of: (row: KvRow) => Value) => set.map(({ row }) => of(row));
    await this.#query(WRITE, [
      deleted,
      replaced,
      set.map(({ key }) => key),
      column(({ expires }) => expires),
      column(({ metadata }) => metadata),
      column(({ file }) => file),
      column(({ size }) => size),
      column(({ value }) => value),
    ]);
  }

  async announce(file: string, untilMs: number): Promise<void> {
    await this.#query(
      "insert into kv_garbage (namespace, file, after) values ($1, $2, $3) on conflict (file) do update set after = excluded.after",
      [file, untilMs],
    );
  }

  async garbage(nowMs: number, limit: number): Promise<string[]> {
    const rows = await this.#query("select file from kv_garbage where namespace = $1 and after <= $2 limit $3", [
      nowMs,
      limit,
    ]);
    return rows.map(([file]) => file as string);
  }

  async forget(files: string[]): Promise<void> {
    await this.#query("delete from kv_garbage where namespace = $1 and file = any($2::text[])", [files]);
  }

  async expire(nowS: number, limit: number): Promise<number> {
    const rows = await this.#query(
      "delete from kv_entries where namespace = $1 and key in (select key from kv_entries where namespace = $1 and expires <= $2 limit $3) returning 1",
      [nowS, limit],
    );
    return rows.length;
  }

  /** The client is its owner's to close. */
  close(): void {}

  async #query(sql: string, values: SqlValue[]): Promise<unknown[][]> {
    this.#running++;
    try {
      return await this.#client.query(sql, [this.#namespace, ...values]);
    } finally {
      this.#running--;
    }
  }
}

function numberOrNull(value: unknown): number | null {
  return value === null ? null : Number(value);
}
