import { join } from "node:path";
import type { CollectLock } from "./collect-lock.ts";
import { ARRIVAL_MS, SWEEP_ROWS, SWEEP_STEPS } from "./limits.ts";
import type { KvChange, KvListedRow, KvRow, KvRows, Maybe } from "./rows.ts";
import { SqliteRows } from "./sqlite-rows.ts";
import { ValueFiles, type ValueWriter } from "./value-files.ts";

/** What a value is stored with. */
export interface KvAttributes {
  /** Seconds since 1970. */
  expires: number | null;
  /** JSON text. */
  metadata: string | null;
}

export interface KvPage {
  rows: KvListedRow[];
  /** Where the next page begins; absent: this was the last. */
  next?: Uint8Array;
}

/** One KV namespace: rows, and files of large values. What has expired is absent at once, and removed in time. */
export class KvNamespace {
  readonly rows: KvRows;
  readonly files: ValueFiles;
  /** Work that takes several steps. */
  #busy = 0;

  constructor(rows: KvRows, files: ValueFiles) {
    this.rows = rows;
    this.files = files;
  }

  /** Opens the namespace in a directory, which must be there. */
  static open(directory: string): KvNamespace {
    return new KvNamespace(new SqliteRows(join(directory, "kv.sqlite")), new ValueFiles(directory));
  }

  /** It must stay open until what this returns is called. */
  hold(): () => void {
    let held = true;
    this.#busy++;
    return () => {
      if (held) this.#busy--;
      held = false;
    };
  }

  get(key: Uint8Array): Maybe<KvRow | undefined> {
    const row = this.rows.get(key);
    return row instanceof Promise ? row.then(unexpired) : unexpired(row);
  }

  /** A page of keys that begin with `prefix`, from `from` on. With many expired keys it may be shorter, or empty, and not the last. */
  list(prefix: Uint8Array, from: Uint8Array, limit: number): Maybe<KvPage> {
    const rows = this.rows.list(Buffer.compare(from, prefix) > 0 ? from : prefix, after(prefix), limit + 1);
    return rows instanceof Promise ? rows.then((found) => page(found, limit)) : page(rows, limit);
  }

  put(key: Uint8Array, value: Uint8Array, { expires, metadata }: KvAttributes): Promise<void> {
    return this.rows.write([{ key, row: { expires, metadata, file: null, size: value.length, value } }]);
  }

  /** Puts a large value whose content has been written. */
  async putFile(key: Uint8Array, writer: ValueWriter, size: number, attributes: KvAttributes): Promise<void> {
    const { file } = writer;
    const release = this.hold();
    try {
      await this.rows.announce(file, Date.now() + ARRIVAL_MS);
      await writer.finish();
      await this.rows.write([{ key, row: { ...attributes, file, size, value: null } }]);
    } finally {
      release();
    }
  }

  delete(keys: Uint8Array[]): Promise<void> {
    return this.rows.write(keys.map((key) => ({ key })));
  }

  write(changes: KvChange[]): Promise<void> {
    return this.rows.write(changes);
  }

  /** Removes what has expired, and files that nobody names, in small steps and not more than so many. */
  async sweep(lock: CollectLock): Promise<void> {
    const release = this.hold();
    try {
      await this.#sweep(lock);
    } finally {
      release();
    }
  }

  get idle(): boolean {
    return this.#busy === 0 && this.rows.idle;
  }

  close(): void {
    this.rows.close();
  }

  async #sweep(lock: CollectLock): Promise<void> {
    const nowS = Math.floor(Date.now() / 1000);
    for (let step = 0; step < SWEEP_STEPS; step++) {
      if ((await this.rows.expire(nowS, SWEEP_ROWS)) < SWEEP_ROWS) break;
      await new Promise(setImmediate);
    }
    for (let step = 0; step < SWEEP_STEPS; step++) {
      const files = await this.rows.garbage(Date.now(), SWEEP_ROWS);
      if (files.length === 0) break;
      const removed = await lock.whileFree(async () => {
        for (const file of files) await this.files.remove(file);
      });
      if (!removed) break;
      await this.rows.forget(files);
    }
  }
}

function unexpired(row: KvRow | undefined): KvRow | undefined {
  return row === undefined || row.expires === null || row.expires * 1000 > Date.now() ? row : undefined;
}

function page(rows: KvListedRow[], limit: number): KvPage {
  const now = Date.now();
  const more = rows.length > limit;
  const next = more ? rows[limit]?.key : undefined;
  const kept = (more ? rows.slice(0, limit) : rows).filter(({ expires }) => expires === null || expires * 1000 > now);
  return next === undefined ? { rows: kept } : { rows: kept, next };
}

/** The first key after all that begin with the prefix; none for the empty one. UTF-8 has no byte 0xff, so there is no carry. */
function after(prefix: Uint8Array): Uint8Array | undefined {
  if (prefix.length === 0) return undefined;
  const end = Uint8Array.from(prefix);
  end[end.length - 1] = (end[end.length - 1] as number) + 1;
  return end;
}
