/** The `sql` side of a KV namespace: what a driver must do. `rows-contract.ts` is the suite that each driver passes. */

export type Maybe<Value> = Value | Promise<Value>;

/** What stands under a key. Exactly one of `value` and `file` is there. */
export interface KvRow {
  /** Seconds since 1970; the key is absent from then on. */
  expires: number | null;
  /** JSON text. */
  metadata: string | null;
  /** Name of the file with a value that is too large for a row, and its bytes. */
  file: string | null;
  size: number;
  value: Uint8Array | null;
}

export interface KvListedRow {
  key: Uint8Array;
  expires: number | null;
  metadata: string | null;
}

/** Keys are UTF-8 bytes, and are ordered as bytes. */
export type KvChange = { key: Uint8Array; row: KvRow } | { key: Uint8Array; row?: undefined };

/**
 * Rows of one namespace. A write is atomic, and on disk when it resolves; from then on every read sees it. Expired rows are
 * there until they are removed: callers look at `expires`. A file that no row names any more is garbage.
 */
export interface KvRows {
  get(key: Uint8Array): Maybe<KvRow | undefined>;
  /** Rows with `from` ≤ key < `to` in order; `to` absent: all from there on. */
  list(from: Uint8Array, to: Uint8Array | undefined, limit: number): Maybe<KvListedRow[]>;
  /** Sets rows, or deletes them, all or none. */
  write(changes: KvChange[]): Promise<void>;
  /** Notes that a file will be there which a row is about to name; if none does by `untilMs`, it is garbage. */
  announce(file: string, untilMs: number): Promise<void>;
  /** Some files that are garbage at this time. */
  garbage(nowMs: number, limit: number): Maybe<string[]>;
  /** These files are removed. */
  forget(files: string[]): Promise<void>;
  /** Removes up to `limit` rows that have expired; how many it were. */
  expire(nowS: number, limit: number): Promise<number>;
  /** Nothing is being written: it may be closed. */
  readonly idle: boolean;
  close(): void;
}
