import { randomInt } from "node:crypto";
import { RowFile } from "../../store/row-file.ts";
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
  type Waiting,
} from "./rows.ts";

const CACHE_KIB = 2048;
/** Numbers that are left out when a file is opened, at most. */
const MAX_JUMP = 2 ** 20;

/**
 * `body` is the last column, so that what changes in a row stands before its overflow pages. `next` is the number of the next
 * message; SQLite's own `autoincrement` costs a third of an insert.
 */
const SCHEMA = `
  create table if not exists messages (
    seq integer primary key, visible integer not null, attempts integer not null, entered integer not null,
    sent integer not null, type text not null, id text not null, body blob not null);
  create index if not exists messages_visible on messages (visible);
  create table if not exists totals (
    one integer primary key check (one = 1), next integer not null, count integer not null, bytes integer not null);
  insert or ignore into totals values (1, 1, 0, 0);`;

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
  readonly #file: RowFile<keyof typeof statements>;
  #totals: { next: number; count: number; bytes: number };
  #writes: Write[] = [];

  constructor(path: string) {
    this.#file = new RowFile(path, { schema: SCHEMA, cacheKib: CACHE_KIB, statements });
    try {
      const [next, count, bytes] = this.#row("totals") as [number, number, number];
      // A loss of power may have undone what took the next numbers, and whoever leased it still knows them.
      this.#totals = { next: next + randomInt(MAX_JUMP), count, bytes };
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  get idle(): boolean {
    return this.#writes.length === 0 && this.#file.idle;
  }

  async add(messages: NewMessage[]): Promise<void> {
    await this.#write(() => {
      const now = Date.now();
      for (const { visibleMs, sentMs, contentType, id, body } of messages) {
        this.#file.statements.add.run(this.#totals.next++, visibleMs, now, sentMs, contentType, id, body);
        this.#totals.bytes += body.byteLength;
      }
      this.#totals.count += messages.length;
    });
    await this.#file.durable();
  }

  waiting(nowMs: number, many: number): Waiting {
    const [since] = this.#row("since", nowMs) as [number | null];
    const sinceMs = since ?? undefined;
    return { sinceMs, many: sinceMs !== undefined && this.#row("many", nowMs, many - 1) !== undefined };
  }

  nextVisibleMs(nowMs: number): number | undefined {
    const [next] = this.#row("nextVisible", nowMs, UNTIL_SETTLED) as [number | null];
    return next ?? undefined;
  }

  async lease({ nowMs, untilMs, maxMessages, maxBytes }: LeaseRequest): Promise<LeasedMessage[]> {
    const leased: LeasedMessage[] = [];
    await this.#write(() => {
      let bytes = 0;
      for (const row of this.#file.statements.ready.all(nowMs, this.#expected(maxMessages, maxBytes))) {
        const [seq, attempts, sentMs, contentType, id, body] = row as unknown as LeasedArray;
        bytes += body.byteLength;
        if (leased.length > 0 && bytes > maxBytes) break;
        leased.push({ seq, attempts: attempts + 1, sentMs, contentType, id, body });
      }
      if (leased.length > 0) this.#file.statements.lease.run(untilMs, numbers(leased));
    });
    return leased;
  }

  async settle(acks: Receipt[], putOff: PutOff[]): Promise<{ acked: number; putOff: number }> {
    const settled = { acked: 0, putOff: 0 };
    await this.#write(() => {
      for (const row of acks.length > 0 ? this.#file.statements.remove.all(numbers(acks)) : []) {
        this.#totals.bytes -= (row as unknown as [number])[0];
        settled.acked++;
      }
      this.#totals.count -= settled.acked;
      for (const { seq, attempts, visibleMs, undelivered } of putOff) {
        const { changes } = this.#file.statements.putOff.run(visibleMs, undelivered ? 1 : 0, seq, attempts);
        settled.putOff += Number(changes);
      }
    });
    return settled;
  }

  releaseHeld(nowMs: number): Promise<void> {
    return this.#write(() => this.#file.statements.release.run(nowMs, UNTIL_SETTLED));
  }

  backlog(): Backlog {
    const oldest = this.#row("oldest") as [number] | undefined;
    const { count, bytes } = this.#totals;
    return { count, bytes, oldestMs: oldest?.[0] ?? 0 };
  }

  async expire(beforeMs: number, limit: number): Promise<number> {
    let expired = 0;
    await this.#write(() => {
      for (const row of this.#file.statements.first.all(limit)) {
        const [seq, entered, size] = row as unknown as [number, number, number];
        if (entered >= beforeMs) break;
        this.#file.statements.expire.run(seq);
        this.#totals.bytes -= size;
        expired++;
      }
      this.#totals.count -= expired;
    });
    return expired;
  }

  purge(): Promise<void> {
    return this.#write(() => {
      this.#file.statements.purge.run();
      this.#totals = { ...this.#totals, count: 0, bytes: 0 };
    });
  }

  close(): void {
    this.#file.close();
  }

  /** So that of large messages not many more are read than handed out: twice what they take on average. */
  #expected(maxMessages: number, maxBytes: number): number {
    const { count, bytes } = this.#totals;
    return Math.min(maxMessages, 1 + Math.ceil((2 * maxBytes * count) / Math.max(1, bytes)));
  }

  #row(name: keyof typeof statements, ...values: (number | string)[]): unknown {
    return this.#file.statements[name].get(...values);
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
      this.#file.atomically(() => {
        for (const { work } of writes) work();
        const { next, count, bytes } = this.#totals;
        if (next !== totals.next || count !== totals.count) this.#file.statements.setTotals.run(next, count, bytes);
      });
    } catch (error) {
      this.#totals = totals;
      for (const { done } of writes) done(error);
      return;
    }
    for (const { done } of writes) done();
  }
}

/** As a list for SQLite: one statement for all of a batch costs a third of one for each. */
function numbers(messages: Receipt[]): string {
  return JSON.stringify(messages.map(({ seq }) => seq));
}

const statements = {
  totals: "select next, count, bytes from totals",
  setTotals: "update totals set next = ?, count = ?, bytes = ?",
  add: "insert into messages (seq, visible, attempts, entered, sent, type, id, body) values (?, ?, 0, ?, ?, ?, ?, ?)",
  since: "select min(visible) from messages where visible <= ?",
  many: "select 1 from messages where visible <= ? order by visible limit 1 offset ?",
  nextVisible: "select min(visible) from messages where visible > ? and visible < ?",
  ready: "select seq, attempts, sent, type, id, body from messages where visible <= ? order by visible, seq limit ?",
  lease: "update messages set visible = ?, attempts = attempts + 1 where seq in (select value from json_each(?))",
  remove: "delete from messages where seq in (select value from json_each(?)) returning length(body)",
  putOff: "update messages set visible = ?, attempts = attempts - ? where seq = ? and attempts = ?",
  release: "update messages set visible = ? where visible = ?",
  oldest: "select sent from messages order by seq limit 1",
  first: "select seq, entered, length(body) from messages order by seq limit ?",
  expire: "delete from messages where seq = ?",
  purge: "delete from messages",
} as const;
