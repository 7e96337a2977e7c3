import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { removeFile } from "../../lib/durable-file.ts";
import { type BodySpace, BodyWriter, type WrittenBody } from "./body-writer.ts";
import { ENTRY_OVERHEAD_BYTES, EVICTION_BATCH, MAX_VARIANTS, PURGE_BATCH, USE_NOTED_MS } from "./limits.ts";

/** Whose cache, which of its caches, and what is asked for. */
export interface CacheKey {
  /** Account and script. */
  scope: string;
  /** Name of the cache as the runtime encodes it; empty for the default one. */
  cacheName: string;
  /** Scheme, host and target. */
  url: string;
}

/** A response as it is kept. */
export interface Entry {
  status: number;
  /** Header lines with CRLF, as Latin-1 text. */
  fields: string;
  etag: string;
  lastModified: string;
  storedMs: number;
  expiresMs: number;
  /** How old it was when it was stored. */
  ageSeconds: number;
  size: number;
  /** Either the body, or the path of a file with it. */
  body: Uint8Array | undefined;
  path: string | undefined;
}

export type NewEntry = Pick<
  Entry,
  "status" | "fields" | "etag" | "lastModified" | "storedMs" | "expiresMs" | "ageSeconds"
> & {
  /** Lower-case names of request fields that the response depends on, sorted. */
  vary: string[];
  /** Lower-case tags to purge by. */
  tags: string[];
};

/** What to purge of a scope; all conditions are alternatives. */
export interface Purge {
  everything?: boolean;
  urls?: string[];
  /** Beginnings of URLs, as `example.com/path`. */
  prefixes?: string[];
  hosts?: string[];
  tags?: string[];
}

/** The value of a request's field of this lower-case name; empty when there is none. */
export type RequestField = (name: string) => string;

/** Another number makes the cache begin anew. */
const FORMAT = 1;

const TABLE = `
CREATE TABLE entries (
  id INTEGER PRIMARY KEY,
  scope TEXT NOT NULL, key BLOB NOT NULL, vary TEXT NOT NULL, variant BLOB NOT NULL,
  host TEXT NOT NULL, url TEXT NOT NULL, tags TEXT NOT NULL,
  status INTEGER NOT NULL, fields TEXT NOT NULL, etag TEXT NOT NULL, last_modified TEXT NOT NULL,
  age INTEGER NOT NULL, stored_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER NOT NULL,
  size INTEGER NOT NULL, room INTEGER NOT NULL, body BLOB, file TEXT
) STRICT;
CREATE UNIQUE INDEX entries_key ON entries (key, variant);
CREATE INDEX entries_scope ON entries (scope);
CREATE INDEX entries_expires ON entries (expires_at);
CREATE INDEX entries_used ON entries (used_at);
PRAGMA user_version = ${FORMAT};
`;

type Row = Record<string, string | number | Uint8Array | null>;

/**
 * Responses on disk: an index in SQLite, large bodies in files beside it. Nothing is synced: what a crash of the machine
 * destroys is thrown away, as a cache may be. Holds at most `maxBytes`; who was used longest ago goes first.
 */
export class ResponseStore implements BodySpace {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Bytes of all entries, and of bodies on their way. */
  #room = 0;

  constructor(directory: string, maxBytes: number) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    mkdirSync(join(directory, "bodies"), { recursive: true, mode: 0o700 });
    this.#db = openIndex(join(directory, "index.db"));
    this.#room = Number((this.#get("SELECT coalesce(sum(room), 0) AS room FROM entries") as Row).room);
    this.#removeStrays();
  }

  static exists(directory: string): boolean {
    return existsSync(join(directory, "index.db"));
  }

  close(): void {
    this.#db.close();
  }

  get room(): number {
    return this.#room;
  }

  /** The fresh response for a request, if there is one. */
  find(key: CacheKey, requestField: RequestField, nowMs: number): Entry | undefined {
    const rows = this.#all("SELECT * FROM entries WHERE key = ?", digestOf(key));
    const row = rows.find(({ vary, variant }) => variantOf(String(vary), requestField).equals(variant as Uint8Array));
    if (!row) return;
    if (Number(row.expires_at) <= nowMs) {
      this.#remove([row]);
      return;
    }
    if (nowMs - Number(row.used_at) > USE_NOTED_MS) {
      this.#run("UPDATE entries SET used_at = ? WHERE id = ?", nowMs, row.id as number);
    }
    return {
      status: Number(row.status),
      fields: String(row.fields),
      etag: String(row.etag),
      lastModified: String(row.last_modified),
      storedMs: Number(row.stored_at),
      expiresMs: Number(row.expires_at),
      ageSeconds: Number(row.age),
      size: Number(row.size),
      body: (row.body as Uint8Array | null) ?? undefined,
      path: row.file === null ? undefined : this.path(String(row.file)),
    };
  }

  /** Takes the body of a new entry. */
  writer(): BodyWriter {
    return new BodyWriter(this);
  }

  /** Keeps a response in place of what there is for such requests. Its body becomes the store's. */
  put(key: CacheKey, requestField: RequestField, entry: NewEntry, written: WrittenBody): void {
    const digest = digestOf(key);
    const vary = entry.vary.join(",");
    const variant = variantOf(vary, requestField);
    const room = written.size + ENTRY_OVERHEAD_BYTES + 2 * key.url.length + entry.fields.length;
    // The body's room is taken already.
    this.#room += room - written.size;
    const present = this.#all("SELECT id, vary, variant, room, file FROM entries WHERE key = ? ORDER BY id", digest);
    // A response with another `Vary` says how the resource is negotiated now.
    const replaced = present.filter((row) => row.vary !== vary || variant.equals(row.variant as Uint8Array));
    const others = present.filter((row) => !replaced.includes(row));
    this.#remove([...replaced, ...others.slice(0, Math.max(0, others.length - MAX_VARIANTS + 1))]);
    this.#run(
      `INSERT INTO entries (scope, key, vary, variant, host, url, tags, status, fields, etag, last_modified, age, stored_at,
       expires_at, used_at, size, room, body, file) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      key.scope,
      digest,
      vary,
      variant,
      hostOf(key.url),
      key.url,
      entry.tags.length === 0 ? "" : `,${entry.tags.join(",")},`,
      entry.status,
      entry.fields,
      entry.etag,
      entry.lastModified,
      entry.ageSeconds,
      entry.storedMs,
      entry.expiresMs,
      entry.storedMs,
      written.size,
      room,
      "body" in written ? written.body : null,
      "file" in written ? written.file : null,
    );
    this.#makeRoom(0, entry.storedMs);
  }

  /** Removes all variants; false: there was no fresh one. */
  delete(key: CacheKey, nowMs: number): boolean {
    const rows = this.#all("SELECT id, room, file, expires_at FROM entries WHERE key = ?", digestOf(key));
    this.#remove(rows);
    return rows.some((row) => Number(row.expires_at) > nowMs);
  }

  /** Removes what is meant of a scope, in all its caches. Resolves with the number of responses. */
  async purge(scope: string, { everything, urls = [], prefixes = [], hosts = [], tags = [] }: Purge): Promise<number> {
    const conditions: [condition: string, ...values: string[]][] = [
      ...(everything ? [["scope = ?", scope] as [string, string]] : []),
      ...urls.map((url) => ["scope = ? AND url = ?", scope, url] as [string, string, string]),
      ...prefixes.map(
        (prefix) =>
          ["scope = ? AND instr(substr(url, instr(url, '://') + 3), ?) = 1", scope, prefix] as [string, string, string],
      ),
      ...hosts.map((host) => ["scope = ? AND host = ?", scope, host] as [string, string, string]),
      ...tags.map((tag) => ["scope = ? AND instr(tags, ?) > 0", scope, `,${tag},`] as [string, string, string]),
    ];
    let count = 0;
    for (const [condition, ...values] of conditions) {
      for (;;) {
        const rows = this.#all(`SELECT id, room, file FROM entries WHERE ${condition} LIMIT ${PURGE_BATCH}`, ...values);
        this.#remove(rows);
        count += rows.length;
        if (rows.length < PURGE_BATCH) break;
        // Others are served meanwhile.
        await setImmediate();
      }
    }
    return count;
  }

  /** Removes what belongs to no scope of these: scripts that were deleted. */
  async keepScopes(isKept: (scope: string) => boolean): Promise<void> {
    for (const { scope } of this.#all("SELECT DISTINCT scope FROM entries")) {
      if (!isKept(String(scope))) await this.purge(String(scope), { everything: true });
    }
  }

  // Room for bodies.

  path(name: string): string {
    return join(this.#directory, "bodies", name);
  }

  newName(): string {
    return randomBytes(12).toString("hex");
  }

  take(bytes: number): boolean {
    if (!this.#makeRoom(bytes, Date.now())) return false;
    this.#room += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#room -= bytes;
  }

  /** Removes what is stale, then what was used longest ago, until `bytes` more find room. */
  #makeRoom(bytes: number, nowMs: number): boolean {
    while (this.#room + bytes > this.#maxBytes) {
      let rows = this.#all(`SELECT id, room, file FROM entries WHERE expires_at <= ? LIMIT ${EVICTION_BATCH}`, nowMs);
      if (rows.length === 0) {
        rows = this.#all(`SELECT id, room, file FROM entries ORDER BY used_at LIMIT ${EVICTION_BATCH}`);
      }
      if (rows.length === 0) return false;
      let needed = this.#room + bytes - this.#maxBytes;
      const leaving = rows.filter((row) => {
        const goes = needed > 0;
        needed -= Number(row.room);
        return goes;
      });
      this.#remove(leaving);
    }
    return true;
  }

  #remove(rows: Row[]): void {
    for (const row of rows) {
      this.#run("DELETE FROM entries WHERE id = ?", row.id as number);
      this.#room -= Number(row.room);
      // Who reads it has it open.
      if (row.file !== null) void removeFile(this.path(String(row.file))).catch(() => {});
    }
  }

  /** Files of bodies that were on their way when the process ended. */
  #removeStrays(): void {
    const known = new Set(this.#all("SELECT file FROM entries WHERE file IS NOT NULL").map(({ file }) => file));
    for (const name of readdirSync(join(this.#directory, "bodies"))) {
      if (!known.has(name)) rmSync(this.path(name), { force: true });
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #all(sql: string, ...values: (string | number | Uint8Array | null)[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  #get(sql: string): Row | undefined {
    return this.#statement(sql).get() as Row | undefined;
  }

  #run(sql: string, ...values: (string | number | Uint8Array | null)[]): void {
    this.#statement(sql).run(...values);
  }
}

/** Opens the index, or makes a new one when it is of another format. Throws when it is damaged. */
function openIndex(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA busy_timeout = 1000;");
    const { user_version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
    if (user_version !== FORMAT) {
      db.exec(`BEGIN; DROP TABLE IF EXISTS entries; ${TABLE} COMMIT;`);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function digestOf({ scope, cacheName, url }: CacheKey): Buffer {
  return createHash("sha256").update(`${scope}\n${cacheName}\n${url}`).digest();
}

const ALWAYS = Buffer.alloc(0);

function variantOf(vary: string, requestField: RequestField): Buffer {
  if (vary === "") return ALWAYS;
  const hash = createHash("sha256");
  for (const name of vary.split(",")) hash.update(`${name}:${requestField(name)}\n`);
  return hash.digest();
}

function hostOf(url: string): string {
  return /^[a-z]+:\/\/([^/?]*)/.exec(url)?.[1] ?? "";
}
