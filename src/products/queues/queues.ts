import { existsSync, mkdirSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { QueueRecord, QueuesSnapshot } from "../../domain/queues.ts";
import { syncDirectory } from "../../lib/durable-file.ts";
import { MAX_OPEN_QUEUES, STAYS_OPEN_MS, SWEEP_ALL_MS, SWEEP_MS } from "./limits.ts";
import { type Outgoing, Queue } from "./queue.ts";
import { queueMissing } from "./refusal.ts";
import type { Backlog, QueueRows } from "./rows.ts";
import { SqliteRows } from "./sqlite-rows.ts";

const ID = /^[0-9a-f]{32}$/;
const FILE = "queue.sqlite";

/** Who is told what happens to queues. */
export interface QueueWatcher {
  /** Messages have come that may be deliverable. */
  added(queueId: string): void;
  /** The queue or its consumer may have changed, or is gone. */
  changed(queueId: string): void;
}

/**
 * The queues of all accounts: those of the snapshot, each in `<root>/<account>/<queue>`. What of a queue is there when the
 * process starts and was leased without an end is free again: nobody holds it.
 */
export class Queues {
  readonly #root: string;
  #watcher: QueueWatcher = { added() {}, changed() {} };
  #records = new Map<string, QueueRecord>();
  /** Those used last at the end. */
  readonly #open = new Map<string, Promise<Queue>>();
  /** Queues whose leases of an earlier process were ended. */
  readonly #released = new Set<string>();
  /** When each was asked for last. */
  readonly #usedMs = new Map<string, number>();
  readonly #timers: NodeJS.Timeout[];
  #removing: Promise<void> = Promise.resolve();

  constructor(root: string) {
    this.#root = root;
    this.#timers = [
      setInterval(() => void this.#sweep([...this.#open.keys()]), SWEEP_MS).unref(),
      setInterval(() => void this.#sweep([...this.#records.keys()]), SWEEP_ALL_MS).unref(),
    ];
  }

  watch(watcher: QueueWatcher): void {
    this.#watcher = watcher;
  }

  /** Takes over what control published. The messages of queues that are not in it are removed. */
  load({ queues }: QueuesSnapshot): void {
    const before = this.#records;
    this.#records = new Map(queues.map((record) => [record.queueId, record]));
    for (const record of queues) {
      const open = this.#open.get(record.queueId);
      // One that cannot be opened is told by those who ask for it.
      open?.then(
        (queue) => {
          queue.record = record;
        },
        () => {},
      );
    }
    for (const queueId of new Set([...before.keys(), ...this.#records.keys()])) {
      if (!isDeepStrictEqual(before.get(queueId), this.#records.get(queueId))) this.#watcher.changed(queueId);
    }
    this.#removing = this.#removing.then(() => this.#removeDeleted());
  }

  record(queueId: string): QueueRecord | undefined {
    return this.#records.get(queueId);
  }

  /** Whether the queue can have messages: a file is made with its first one. */
  hasMessages(queueId: string): boolean {
    const record = this.#records.get(queueId);
    return record !== undefined && existsSync(this.#path(record));
  }

  /** The queue, opened. {@link queueMissing} when the account has none of this id. */
  async find(accountId: string, queueId: string): Promise<Queue> {
    const record = this.#records.get(queueId);
    if (record?.accountId !== accountId) throw queueMissing();
    this.#usedMs.set(queueId, performance.now());
    const known = this.#open.get(queueId);
    if (known) {
      this.#open.delete(queueId);
      this.#open.set(queueId, known);
      return known;
    }
    await this.#makeRoom();
    // Somebody else may have opened it meanwhile.
    const opening = this.#open.get(queueId) ?? this.#openQueue(record);
    this.#open.set(queueId, opening);
    opening.catch(() => this.#open.delete(queueId));
    return opening;
  }

  /** Stores messages in a queue; resolves when they are on disk. For producers within this process. */
  async enqueue(accountId: string, queueId: string, messages: Outgoing[]): Promise<Backlog> {
    return (await this.find(accountId, queueId)).send(messages);
  }

  /** Closes all, when what is under way is done. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#removing;
    await Promise.all([...this.#open.keys()].map((queueId) => this.#close(queueId)));
  }

  async #openQueue(record: QueueRecord): Promise<Queue> {
    const path = this.#path(record);
    const directory = join(this.#root, record.accountId, record.queueId);
    if (mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined) {
      for (const parent of [join(directory, ".."), this.#root, join(this.#root, "..")]) await syncDirectory(parent);
    }
    const isNew = !existsSync(path);
    const rows: QueueRows = new SqliteRows(path);
    if (isNew) await syncDirectory(directory);
    if (!this.#released.has(record.queueId)) {
      this.#released.add(record.queueId);
      await rows.releaseHeld(Date.now());
    }
    return new Queue(this.#records.get(record.queueId) ?? record, rows, () => this.#watcher.added(record.queueId));
  }

  /** Closes queues that were not used lately and have no messages to wake anybody for. */
  async #makeRoom(): Promise<void> {
    const before = performance.now() - STAYS_OPEN_MS;
    for (const [queueId, opening] of [...this.#open]) {
      if (this.#open.size < MAX_OPEN_QUEUES) return;
      if ((this.#usedMs.get(queueId) ?? 0) > before) return;
      const queue = await opening.catch(() => undefined);
      if (queue?.idle && (await queue.backlog()).count === 0) await this.#close(queueId);
    }
  }

  async #close(queueId: string): Promise<void> {
    const queue = await this.#open.get(queueId)?.catch(() => undefined);
    this.#open.delete(queueId);
    this.#usedMs.delete(queueId);
    if (!queue) return;
    // What is being written is finished first.
    while (!queue.idle) await new Promise((resolve) => setTimeout(resolve, 5));
    queue.close();
  }

  /** A queue's record comes before its first message, so what has no record was deleted. */
  async #removeDeleted(): Promise<void> {
    try {
      for (const account of await directories(this.#root)) {
        for (const queueId of await directories(join(this.#root, account))) {
          if (this.#records.get(queueId)?.accountId === account) continue;
          await this.#close(queueId);
          await rm(join(this.#root, account, queueId), { recursive: true, force: true });
        }
      }
    } catch (error) {
      console.error("queues: removing the messages of deleted queues failed:", error);
    }
  }

  async #sweep(queueIds: string[]): Promise<void> {
    for (const queueId of queueIds) {
      const record = this.#records.get(queueId);
      try {
        if (record && this.hasMessages(queueId)) await (await this.find(record.accountId, queueId)).sweep();
      } catch (error) {
        // It may have been closed meanwhile; what is left is removed the next time.
        console.error(`queue ${queueId}: removing what is past its retention failed:`, error);
      }
    }
  }

  #path({ accountId, queueId }: QueueRecord): string {
    return join(this.#root, accountId, queueId, FILE);
  }
}

async function directories(path: string): Promise<string[]> {
  return (await readdir(path).catch(() => [])).filter((name) => ID.test(name));
}
