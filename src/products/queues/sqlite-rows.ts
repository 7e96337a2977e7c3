import { openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { LogSync } from "../kv/log-sync.ts";
import {
  type Backlog,
  type ContentType,
  type LeasedMessage,
  type LeaseRequest,
  type NewMessage,
  type PutOff,
  type QueueRows,
  type Receipt,
  UNTIL_SETTLED,
} from "./rows.ts";

const BUSY_TIMEOUT_MS = 10_000;
const CACHE_KIB = 2048;

/** `body` is the last column, so that what changes in a row stands before its overflow pages. */
const SCHEMA = `
  create table if not exists messages (
    seq integer primary key autoincrement, visible integer not null, attempts integer not null, entered integer not null,
    sent integer not null, type text not null, id text not null, body blob not null);
  create index if not exists messages_visible on messages (visible);
  create table if not exists totals (one integer primary key check (one = 1), count integer not null, bytes integer not null);
  insert or ignore into totals values (1, 0, 0);`;

type LeasedArray = [seq: number, attempts: number, sent: number, type: ContentType, id: string, body: Uint8Array];

interface Write {
  work(): void;
  done(error?: unknown): void;
}

/**
 * Messages in a SQLite file, which is made when there is none; its directory must be there. What is written within one turn
 * of the event loop is one transaction.
 */
export class SqliteRows implements QueueRows {
  readonly #database: DatabaseSync;
  readonly #log: LogSync;
  readonly #statements: Record<keyof typeof statements, StatementSync>;
  #totals: { count: number; bytes: number };
  #writes: Write[] = [];

  constructor(path: string) {
    const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, defensive: true });
    this.#database = database;
    try {
      // Normal: the log is synced by `LogSync`, before anybody is told that something is stored.
      database.exec(`pragma journal_mode = wal; pragma synchronous = normal; pragma cache_size = -${CACHE_KIB};`);
      database.exec(`begin immediate; ${SCHEMA} commit`);
      this.#statements = Object.fromEntries(
        Object.entries(statements).map(([name, sql]) => {
          const statement = database.prepare(sql);
          statement.setReturnArrays(true);
          return [name, statement];
        }),
      ) as Record<keyof typeof statements, StatementSync>;
      const [count, bytes] = this.#row("totals") as [number, number];
      this.#totals = { count, bytes };
      this.#log = new LogSync(openSync(`${path}-wal`, "r"));
    } catch (error) {
      database.close();
      throw error;
    }
  }

  get idle(): boolean {
    return this.#writes.length === 0 && this.#log.idle;
  }

  async add(messages: NewMessage[]): Promise<void> {
    await this.#write(() => {
      const now = Date.now();
      for (const { visibleMs, sentMs, contentType, id, body } of messages) {
        this.#statements.add.run(visibleMs, now, sentMs, contentType, id, body);
        this.#totals.bytes += body.byteLength;
      }
      this.#totals.count += messages.length;
    });
    await this.#log.durable();
  }

  waiting(nowMs: number, limit: number): { count: number; sinceMs: number } {
    const [count, since] = this.#row("waiting", nowMs, limit) as [number, number | null];
    return { count, sinceMs: since ?? nowMs };
  }

  nextVisibleMs(nowMs: number): number | undefined {
    const [next] = this.#row("nextVisible", nowMs, UNTIL_SETTLED) as [number | null];
    return next ?? undefined;
  }

  async lease({ nowMs, untilMs, maxMessages, maxBytes }: LeaseRequest): Promise<LeasedMessage[]> {
    const leased: LeasedMessage[] = [];
    await this.#write(() => {
      let bytes = 0;
      for (const row of this.#statements.ready.iterate(nowMs, maxMessages)) {
        const [seq, attempts, sentMs, contentType, id, body] = row as unknown as LeasedArray;
        bytes += body.byteLength;
        if (leased.length > 0 && bytes > maxBytes) break;
        leased.push({ seq, attempts: attempts + 1, sentMs, contentType, id, body });
      }
      for (const { seq } of leased) this.#statements.lease.run(untilMs, seq);
    });
    return leased;
  }

  async settle(acks: Receipt[], putOff: PutOff[]): Promise<{ acked: number; putOff: number }> {
    const settled = { acked: 0, putOff: 0 };
    await this.#write(() => {
      for (const { seq, id } of acks) {
        const removed = this.#row("remove", seq, id) as [number] | undefined;
        if (!removed) continue;
        this.#totals.count--;
        this.#totals.bytes -= removed[0];
        settled.acked++;
      }
      for (const { seq, id, attempts, visibleMs, undelivered } of putOff) {
        const { changes } = this.#statements.putOff.run(visibleMs, undelivered ? 1 : 0, seq, id, attempts);
        settled.putOff += Number(changes);
      }
    });
    return settled;
  }

  releaseHeld(nowMs: number): Promise<void> {
    return this.#write(() => this.#statements.release.run(nowMs, UNTIL_SETTLED));
  }

  backlog(): Backlog {
    const oldest = this.#row("oldest") as [number] | undefined;
    return { ...this.#totals, oldestMs: oldest?.[0] ?? 0 };
  }

  async expire(beforeMs: number, limit: number): Promise<number> {
    let expired = 0;
    await this.#write(() => {
      for (const row of this.#statements.first.all(limit)) {
        const [seq, entered, size] = row as unknown as [number, number, number];
        if (entered >= beforeMs) break;
        this.#statements.expire.run(seq);
        this.#totals.bytes -= size;
        expired++;
      }
      this.#totals.count -= expired;
    });
    return expired;
  }

  purge(): Promise<void> {
    return this.#write(() => {
      this.#statements.purge.run();
      this.#totals = { count: 0, bytes: 0 };
    });
  }

  close(): void {
    this.#log.close();
    this.#database.close();
  }

  #row(name: keyof typeof statements, ...values: (number | string)[]): unknown {
    return this.#statements[name].get(...values);
  }

  #write(work: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: unknown) => (error === undefined ? resolve() : reject(error));
      if (this.#writes.push({ work, done }) === 1) setImmediate(() => this.#commit());
    });
  }

  #commit(): void {
    const writes = this.#writes;
    const totals = { ...this.#totals };
    this.#writes = [];
    try {
      this.#database.exec("begin immediate");
      for (const { work } of writes) work();
      const { count, bytes } = this.#totals;
      if (count !== totals.count || bytes !== totals.bytes) this.#statements.setTotals.run(count, bytes);
      this.#database.exec("commit");
    } catch (error) {
      this.#totals = totals;
      // A full disk may have rolled it back already.
      if (this.#database.isTransaction) this.#database.exec("rollback");
      for (const { done } of writes) done(error);
      return;
    }
    for (const { done } of writes) done();
  }
}

const statements = {
  totals: "select count, bytes from totals",
  setTotals: "update totals set count = ?, bytes = ?",
  add: "insert into messages (visible, attempts, entered, sent, type, id, body) values (?, 0, ?, ?, ?, ?, ?)",
  waiting:
    "select count(*), min(visible) from (select visible from messages where visible <= ? order by visible limit ?)",
  nextVisible: "select min(visible) from messages where visible > ? and visible < ?",
  ready: "select seq, attempts, sent, type, id, body from messages where visible <= ? order by visible, seq limit ?",
  lease: "update messages set visible = ?, attempts = attempts + 1 where seq = ?",
  remove: "delete from messages where seq = ? and id = ? returning length(body)",
  putOff: "update messages set visible = ?, attempts = attempts - ? where seq = ? and id = ? and attempts = ?",
  release: "update messages set visible = ? where visible = ?",
  oldest: "select sent from messages order by seq limit 1",
  first: "select seq, entered, length(body) from messages order by seq limit ?",
  expire: "delete from messages where seq = ?",
  purge: "delete from messages",
} as const;
