import type { SqlClient, SqlValue } from "../../store/postgres.ts";
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

/** Run once for a database; again does no harm. */
const SCHEMA = [
  `create table if not exists queue_messages (
    queue text not null, seq bigint generated always as identity, visible bigint not null, attempts int not null,
    entered bigint not null, sent bigint not null, type text not null, id text not null, body bytea not null,
    primary key (queue, seq))`,
  "create index if not exists queue_messages_visible on queue_messages (queue, visible, seq)",
];

const LEASE = `
  with ready as (
    select seq, visible, sum(length(body)) over (order by visible, seq) - length(body) as before
    from (select seq, visible, body from queue_messages where queue = $1 and visible <= $2
      order by visible, seq limit $3 for update skip locked) as first),
  leased as (
    update queue_messages m set visible = $4, attempts = m.attempts + 1 from ready
    where m.queue = $1 and m.seq = ready.seq and (ready.before = 0 or ready.before + length(m.body) <= $5)
    returning ready.visible as since, m.seq, m.attempts, m.sent, m.type, m.id, m.body)
  select seq, attempts, sent, type, id, body from leased order by since, seq`;

const SETTLE = `
  with acked as (
    delete from queue_messages where queue = $1 and seq = any($2::bigint[]) returning 1),
  put_off as (
    update queue_messages m set visible = later.visible, attempts = m.attempts - later.undelivered
    from unnest($3::bigint[], $4::int[], $5::bigint[], $6::int[]) as later (seq, attempts, visible, undelivered)
    where m.queue = $1 and m.seq = later.seq and m.attempts = later.attempts returning 1)
  select (select count(*) from acked), (select count(*) from put_off)`;

/** Makes the table that all queues share. */
export async function preparePostgres(client: SqlClient): Promise<void> {
  for (const sql of SCHEMA) await client.query(sql, []);
}

/** Messages of one queue in PostgreSQL, which syncs a commit before it answers (`synchronous_commit`). */
export class PostgresRows implements QueueRows {
  readonly #client: SqlClient;
  readonly #queue: string;
  #running = 0;

  /** The table must be there: {@link preparePostgres}. `queue` is the queue's id. */
  constructor(client: SqlClient, queue: string) {
    this.#client = client;
    this.#queue = queue;
  }

  get idle(): boolean {
    return this.#running === 0;
  }

  async add(messages: NewMessage[]): Promise<void> {
    const column = <Value>(of: (message: NewMessage) => Value) => messages.map(of);
    await this.#query(
      `insert into queue_messages (queue, attempts, entered, visible, sent, type, id, body)
       select $1, 0, $2::bigint, * from unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bytea[])`,
      [
        Date.now(),
        column(({ visibleMs }) => visibleMs),
        column(({ sentMs }) => sentMs),
        column(({ contentType }) => contentType),
        column(({ id }) => id),
        column(({ body }) => body),
      ],
    );
  }

  async waiting(nowMs: number, many: number): Promise<Waiting> {
    const [found = []] = await this.#query(
      `select count(*), min(visible) from
       (select visible from queue_messages where queue = $1 and visible <= $2 order by visible limit $3) as first`,
      [nowMs, many],
    );
    return { sinceMs: found[1] === null ? undefined : Number(found[1]), many: Number(found[0]) >= many };
  }

  async nextVisibleMs(nowMs: number): Promise<number | undefined> {
    const [found = []] = await this.#query(
      "select min(visible) from queue_messages where queue = $1 and visible > $2 and visible < $3",
      [nowMs, UNTIL_SETTLED],
    );
    return found[0] === null ? undefined : Number(found[0]);
  }

  async lease({ nowMs, untilMs, maxMessages, maxBytes }: LeaseRequest): Promise<LeasedMessage[]> {
    const rows = await this.#query(LEASE, [nowMs, maxMessages, untilMs, maxBytes]);
    return rows.map(([seq, attempts, sent, type, id, body]) => ({
      seq: Number(seq),
      attempts: Number(attempts),
      sentMs: Number(sent),
      contentType: type as ContentType,
      id: id as string,
      body: body as Uint8Array,
    }));
  }

  async settle(acks: Receipt[], putOff: PutOff[]): Promise<{ acked: number; putOff: number }> {
    const [found = []] = await this.#query(SETTLE, [
      acks.map(({ seq }) => seq),
      putOff.map(({ seq }) => seq),
      putOff.map(({ attempts }) => attempts),
      putOff.map(({ visibleMs }) => visibleMs),
      putOff.map(({ undelivered }) => (undelivered ? 1 : 0)),
    ]);
    return { acked: Number(found[0]), putOff: Number(found[1]) };
  }

  async releaseHeld(nowMs: number): Promise<void> {
    await this.#query("update queue_messages set visible = $2 where queue = $1 and visible = $3", [
      nowMs,
      UNTIL_SETTLED,
    ]);
  }

  async backlog(): Promise<Backlog> {
    const [found = []] = await this.#query(
      "select count(*), coalesce(sum(length(body)), 0), (select sent from queue_messages where queue = $1 order by seq limit 1) from queue_messages where queue = $1",
      [],
    );
    return { count: Number(found[0]), bytes: Number(found[1]), oldestMs: Number(found[2] ?? 0) };
  }

  async expire(beforeMs: number, limit: number): Promise<number> {
    const rows = await this.#query(
      `delete from queue_messages where queue = $1 and seq in
       (select seq from queue_messages where queue = $1 and entered < $2 order by seq limit $3) returning 1`,
      [beforeMs, limit],
    );
    return rows.length;
  }

  async purge(): Promise<void> {
    await this.#query("delete from queue_messages where queue = $1", []);
  }

  /** The client is its owner's to close. */
  close(): void {}

  async #query(sql: string, values: SqlValue[]): Promise<unknown[][]> {
    this.#running++;
    try {
      return await this.#client.query(sql, [this.#queue, ...values]);
    } finally {
      this.#running--;
    }
  }
}
