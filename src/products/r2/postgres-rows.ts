import type { SqlClient, SqlValue } from "../../store/postgres.ts";
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

/**
 * Contents that a change leaves behind become garbage only after this time: whoever has just read a row still comes to hold
 * what it names. (A SQLite row is read and held in one step.)
 */
const GRACE_MS = 60_000;

const HEAD = "version, size, etag, uploaded, class, http, custom, checksums, ssec, s3";
const UPLOAD = "id, key, created, class, http, custom, ssec, s3";

/** As in SQLite, triggers keep the list of garbage; what takes several steps is a function, so that each call is one transaction. */
const SCHEMA = [
  `create table if not exists r2_objects (
    bucket text not null, key bytea not null, version text not null, size bigint not null, etag text not null,
    uploaded bigint not null, class text not null, http text, custom text, checksums text, ssec text, s3 text,
    inline bytea, pieces jsonb, primary key (bucket, key))`,
  `create table if not exists r2_uploads (
    bucket text not null, id text not null, key bytea not null, created bigint not null, class text not null, http text,
    custom text, ssec text, s3 text, primary key (bucket, id))`,
  "create index if not exists r2_uploads_key on r2_uploads (bucket, key, id)",
  `create table if not exists r2_parts (
    bucket text not null, upload text not null, number integer not null, size bigint not null, etag text not null,
    uploaded bigint not null, file text not null, s3 text, primary key (bucket, upload, number))`,
  "create table if not exists r2_garbage (file text primary key, bucket text not null, after bigint not null)",
  "create index if not exists r2_garbage_bucket on r2_garbage (bucket, after)",
  `create table if not exists r2_notices (
    id bigint generated always as identity primary key, bucket text not null, notice text not null)`,
  "create index if not exists r2_notices_bucket on r2_notices (bucket, id)",
  `create or replace function r2_left(bucket text, files jsonb) returns void language sql as $$
    insert into r2_garbage select piece ->> 0, bucket, (extract(epoch from clock_timestamp()) * 1000)::bigint + ${GRACE_MS}
    from jsonb_array_elements(coalesce(files, '[]')) as piece
    on conflict (file) do update set after = excluded.after $$`,
  `create or replace function r2_named(files jsonb) returns void language sql as $$
    delete from r2_garbage where file in (select piece ->> 0 from jsonb_array_elements(coalesce(files, '[]')) as piece) $$`,
  `create or replace function r2_note_objects() returns trigger language plpgsql as $$
    begin
      if tg_op <> 'INSERT' then perform r2_left(old.bucket, old.pieces); end if;
      if tg_op <> 'DELETE' then perform r2_named(new.pieces); end if;
      return null;
    end $$`,
  `create or replace trigger r2_objects_set after insert or delete on r2_objects
    for each row execute function r2_note_objects()`,
  `create or replace trigger r2_objects_replaced after update of version on r2_objects
    for each row execute function r2_note_objects()`,
  `create or replace function r2_note_parts() returns trigger language plpgsql as $$
    begin
      if tg_op = 'DELETE' then perform r2_left(old.bucket, jsonb_build_array(jsonb_build_array(old.file)));
      else perform r2_named(jsonb_build_array(jsonb_build_array(new.file))); end if;
      return null;
    end $$`,
  `create or replace trigger r2_parts_changed after insert or delete on r2_parts
    for each row execute function r2_note_parts()`,
  `create or replace function r2_put(
      b text, k bytea, expected text, note text, v text, s bigint, e text, u bigint, c text, h text, cu text, ch text,
      ss text, s3text text, i bytea, p jsonb) returns boolean language plpgsql as $$
    declare changed bigint;
    begin
      if expected is null then
        insert into r2_objects values (b, k, v, s, e, u, c, h, cu, ch, ss, s3text, i, p) on conflict do nothing;
      else
        update r2_objects set version = v, size = s, etag = e, uploaded = u, class = c, http = h, custom = cu, checksums = ch,
          ssec = ss, s3 = s3text, inline = i, pieces = p where bucket = b and key = k and version = expected;
      end if;
      get diagnostics changed = row_count;
      if changed = 1 and note is not null then insert into r2_notices (bucket, notice) values (b, note); end if;
      return changed = 1;
    end $$`,
  `create or replace function r2_complete(
      up text, b text, k bytea, expected text, note text, v text, s bigint, e text, u bigint, c text, h text, cu text, ch text,
      ss text, s3text text, i bytea, p jsonb) returns text language plpgsql as $$
    declare current text;
    begin
      perform 1 from r2_uploads where bucket = b and id = up for update;
      if not found then return 'no-upload'; end if;
      select version into current from r2_objects where bucket = b and key = k for update;
      if current is distinct from expected then return 'changed'; end if;
      delete from r2_parts where bucket = b and upload = up;
      delete from r2_uploads where bucket = b and id = up;
      if not r2_put(b, k, expected, note, v, s, e, u, c, h, cu, ch, ss, s3text, i, p) then
        raise exception 'the object was made meanwhile' using errcode = 'serialization_failure';
      end if;
      return 'done';
    end $$`,
  `create or replace function r2_put_part(b text, up text, n integer, s bigint, e text, u bigint, f text, s3text text)
    returns boolean language plpgsql as $$
    begin
      perform 1 from r2_uploads where bucket = b and id = up for update;
      if not found then return false; end if;
      delete from r2_parts where bucket = b and upload = up and number = n;
      insert into r2_parts values (b, up, n, s, e, u, f, s3text);
      return true;
    end $$`,
  `create or replace function r2_delete(b text, k bytea, v text, note text) returns boolean language plpgsql as $$
    begin
      delete from r2_objects where bucket = b and key = k and version = v;
      if not found then return false; end if;
      if note is not null then insert into r2_notices (bucket, notice) values (b, note); end if;
      return true;
    end $$`,
  `create or replace function r2_abort(b text, up text) returns boolean language plpgsql as $$
    begin
      delete from r2_uploads where bucket = b and id = up;
      if not found then return false; end if;
      delete from r2_parts where bucket = b and upload = up;
      return true;
    end $$`,
];

/** Makes the tables that all buckets share. */
export async function prepareR2(client: SqlClient): Promise<void> {
  for (const sql of SCHEMA) await client.query(sql, []);
}

/** Rows of one bucket in PostgreSQL, which syncs a commit before it answers (`synchronous_commit`). */
export class PostgresBucketRows implements BucketRows {
  readonly #client: SqlClient;
  readonly #bucket: string;
  #running = 0;

  /** The tables must be there: {@link prepareR2}. `bucket` is the bucket's id. */
  constructor(client: SqlClient, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  get idle(): boolean {
    return this.#running === 0;
  }

  async head(key: Uint8Array): Promise<ObjectHead | undefined> {
    const [row] = await this.#query(`select ${HEAD} from r2_objects where bucket = $1 and key = $2`, [key]);
    return row && headOf(row);
  }

  async get(key: Uint8Array): Promise<ObjectRow | undefined> {
    const sql = `select ${HEAD}, inline, pieces from r2_objects where bucket = $1 and key = $2`;
    const [row] = await this.#query(sql, [key]);
    return row && { ...headOf(row), inline: row[10] as Uint8Array | null, pieces: piecesOf(row[11]) };
  }

  async list(from: Uint8Array, to: Uint8Array | undefined, limit: number): Promise<ListedRow[]> {
    const sql = `select ${HEAD}, key from r2_objects
      where bucket = $1 and key >= $2 and ($3::bytea is null or key < $3) order by key limit $4`;
    const rows = await this.#query(sql, [from, to ?? null, limit]);
    return rows.map((row) => ({ key: row[10] as Uint8Array, ...headOf(row) }));
  }

  put(key: Uint8Array, row: ObjectRow, expected: Expected, notice?: Notice): Promise<boolean> {
    return this.#call("r2_put", [key, expected, notice ?? null, ...columnsOf(row)]);
  }

  async delete(objects: { key: Uint8Array; version: string; notice?: Notice | undefined }[]): Promise<boolean[]> {
    const sql = `select r2_delete($1, key, version, notice)
      from unnest($2::bytea[], $3::text[], $4::text[]) with ordinality as one (key, version, notice, at) order by at`;
    const rows = await this.#query(sql, [
      objects.map(({ key }) => key),
      objects.map(({ version }) => version),
      objects.map(({ notice }) => notice ?? null),
    ]);
    return rows.map(([was]) => was as boolean);
  }

  async setStorageClass(key: Uint8Array, version: string, storageClass: string): Promise<boolean> {
    const sql = "update r2_objects set class = $4 where bucket = $1 and key = $2 and version = $3 returning 1";
    return (await this.#query(sql, [key, version, storageClass])).length === 1;
  }

  async createUpload({ id, key, created, storageClass, http, custom, ssecKeyMd5, s3 }: UploadRow): Promise<void> {
    const sql = `insert into r2_uploads (bucket, ${UPLOAD}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`;
    await this.#query(sql, [id, key, created, storageClass, http, custom, ssecKeyMd5, s3]);
  }

  async upload(id: string): Promise<UploadRow | undefined> {
    const [row] = await this.#query(`select ${UPLOAD} from r2_uploads where bucket = $1 and id = $2`, [id]);
    return row && uploadOf(row);
  }

  async uploads(
    { key, id }: { key: Uint8Array; id: string },
    to: Uint8Array | undefined,
    limit: number,
  ): Promise<UploadRow[]> {
    const sql = `select ${UPLOAD} from r2_uploads
      where bucket = $1 and (key, id) > ($2, $3) and ($4::bytea is null or key < $4) order by key, id limit $5`;
    return (await this.#query(sql, [key, id, to ?? null, limit])).map(uploadOf);
  }

  async oldUploads(beforeMs: number, afterId: string, limit: number): Promise<UploadRow[]> {
    const sql = `select ${UPLOAD} from r2_uploads where bucket = $1 and id > $2 and created < $3 order by id limit $4`;
    return (await this.#query(sql, [afterId, beforeMs, limit])).map(uploadOf);
  }

  putPart(uploadId: string, { number, size, etag, uploaded, file, s3 }: PartRow): Promise<boolean> {
    return this.#call("r2_put_part", [uploadId, number, size, etag, uploaded, file, s3]);
  }

  async parts(uploadId: string, after: number, limit: number): Promise<PartRow[]> {
    const sql = `select number, size, etag, uploaded, file, s3 from r2_parts
      where bucket = $1 and upload = $2 and number > $3 order by number limit $4`;
    return (await this.#query(sql, [uploadId, after, limit])).map(
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
    const values = [key, expected, notice ?? null, ...columnsOf(row), uploadId];
    const places = values.slice(0, -1).map((_, at) => `$${at + 2}`);
    const sql = `select r2_complete($${values.length + 1}, $1, ${places.join(", ")})`;
    try {
      const [found] = await this.#query(sql, values);
      return found?.[0] as Completion;
    } catch (error) {
      // Another one put the object just then; serialization_failure.
      if ((error as { code?: string }).code === "40001") return "changed";
      throw error;
    }
  }

  abort(uploadId: string): Promise<boolean> {
    return this.#call("r2_abort", [uploadId]);
  }

  async announce(files: string[], untilMs: number): Promise<void> {
    const sql = `insert into r2_garbage (file, bucket, after) select file, $1, $3 from unnest($2::text[]) as one (file)
      on conflict (file) do update set after = excluded.after`;
    await this.#query(sql, [files, untilMs]);
  }

  async renounce(files: string[]): Promise<void> {
    await this.#query("update r2_garbage set after = 0 where bucket = $1 and file = any($2::text[])", [files]);
  }

  async garbage(nowMs: number, limit: number): Promise<string[]> {
    const sql = "select file from r2_garbage where bucket = $1 and after <= $2 limit $3";
    return (await this.#query(sql, [nowMs, limit])).map(([file]) => file as string);
  }

  async forget(files: string[]): Promise<void> {
    await this.#query("delete from r2_garbage where bucket = $1 and file = any($2::text[])", [files]);
  }

  async notices(after: number, limit: number): Promise<{ id: number; notice: Notice }[]> {
    const sql = "select id, notice from r2_notices where bucket = $1 and id > $2 order by id limit $3";
    const rows = await this.#query(sql, [after, limit]);
    return rows.map(([id, notice]) => ({ id: Number(id), notice: notice as string }));
  }

  async told(id: number): Promise<void> {
    await this.#query("delete from r2_notices where bucket = $1 and id <= $2", [id]);
  }

  async totals(): Promise<{ objects: number; bytes: number; uploads: number }> {
    const sql = `select count(*), coalesce(sum(size), 0)::bigint, (select count(*) from r2_uploads where bucket = $1)
      from r2_objects where bucket = $1`;
    const [[objects, bytes, uploads] = []] = await this.#query(sql, []);
    return { objects: Number(objects), bytes: Number(bytes), uploads: Number(uploads) };
  }

  /** The client is its owner's to close. */
  close(): void {}

  async #call(name: string, values: SqlValue[]): Promise<boolean> {
    const places = values.map((_, at) => `$${at + 2}`);
    const [found] = await this.#query(`select ${name}($1, ${places.join(", ")})`, values);
    return found?.[0] as boolean;
  }

  async #query(sql: string, values: SqlValue[]): Promise<unknown[][]> {
    this.#running++;
    try {
      return await this.#client.query(sql, [this.#bucket, ...values]);
    } finally {
      this.#running--;
    }
  }
}

/** In the order of {@link HEAD}, then of the content. */
function columnsOf(row: ObjectRow): SqlValue[] {
  const { version, size, etag, uploaded, storageClass, http, custom, checksums, ssecKeyMd5, s3, inline } = row;
  const pieces = row.pieces && JSON.stringify(row.pieces.map(({ file, size: bytes }) => [file, bytes]));
  return [version, size, etag, uploaded, storageClass, http, custom, checksums, ssecKeyMd5, s3, inline, pieces];
}

function headOf(row: unknown[]): ObjectHead {
  const [version, size, etag, uploaded, storageClass, http, custom, checksums, ssecKeyMd5, s3] = row;
  return { version, size, etag, uploaded, storageClass, http, custom, checksums, ssecKeyMd5, s3 } as ObjectHead;
}

function uploadOf([id, key, created, storageClass, http, custom, ssecKeyMd5, s3]: unknown[]): UploadRow {
  return { id, key, created, storageClass, http, custom, ssecKeyMd5, s3 } as UploadRow;
}

function piecesOf(json: unknown): Piece[] | null {
  return json === null ? null : (json as [string, number][]).map(([file, size]) => ({ file, size }));
}
