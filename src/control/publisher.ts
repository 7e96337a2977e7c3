import type { Kysely } from "kysely";
import type { HomesSnapshot } from "../domain/homes.ts";
import type { Skip } from "../domain/publication.ts";
import type { QueuesSnapshot } from "../domain/queues.ts";
import type { RoutingSnapshot } from "../domain/routing.ts";
import type { ObservedSnapshot } from "../domain/trace.ts";
import { KeptFile, writeDurably } from "../lib/durable-file.ts";
import type { Database } from "../store/schema.ts";
import type { PublicationLog } from "./publication-log.ts";
import { SnapshotTaker } from "./snapshot.ts";

/** Wait before a publication that failed is tried again on its own. */
const RETRY_MS = 1000;

export interface PublisherParts {
  db: Kysely<Database>;
  /** Files of the snapshot, of the homes that go with it, of the queues, and of the scripts that are observed. */
  routesPath: string;
  homesPath: string;
  queuesPath: string;
  observedPath: string;
  log: PublicationLog;
  /** How long static files of replaced versions stay reachable. */
  retentionMs: number;
  /** Requests of an account that may reach code in a day; 0: any number. */
  dailyRequests: number;
  /** Work that must be done before edges see the snapshot. */
  before(snapshot: RoutingSnapshot, skip: Skip): Promise<void>;
  /** Tells the others; resolves when they use the snapshot of this generation. */
  announce(generation: number): Promise<void>;
}

/**
 * Makes the database's state the one that edges route by. Publications are one at a time, and callers who
 * come while one runs share the next: a caller's promise resolves when a snapshot taken after its call is in use.
 */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #snapshots: SnapshotTaker;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  readonly #homes: KeptFile;
  readonly #queues: KeptFile;
  readonly #observed: KeptFile;
  /** Whether a publication has succeeded since the start. */
  published = false;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#homes = new KeptFile(parts.homesPath);
    this.#queues = new KeptFile(parts.queuesPath);
    this.#observed = new KeptFile(parts.observedPath);
    this.#snapshots = new SnapshotTaker(parts.db, parts.retentionMs, parts.dailyRequests);
  }

  publish(): Promise<void> {
    if (!this.#next) {
      const next = this.#running.then(() => {
        this.#next = undefined;
        return this.#publishNow();
      });
      this.#next = next;
      this.#running = next.catch(() => {});
    }
    return this.#next;
  }

  stop(): void {
    clearTimeout(this.#retry);
  }

  async #publishNow(): Promise<void> {
    clearTimeout(this.#retry);
    const { log } = this.#parts;
    log.begin();
    try {
      const { routing, homes, queues, observed } = await this.#snapshots.take(log.skip);
      await this.#parts.before(routing, log.skip);
      // First: who reads the routes must find the homes that they need.
      // Most publications change no home, although each has a generation of its own.
      const homesSnapshot = { generation: routing.generation, homes } satisfies HomesSnapshot;
      await this.#homes.write(JSON.stringify(homesSnapshot), JSON.stringify(homes));
      await this.#queues.write(JSON.stringify(queues satisfies QueuesSnapshot));
      await this.#observed.write(JSON.stringify({ scripts: observed } satisfies ObservedSnapshot));
      await writeDurably(this.#parts.routesPath, JSON.stringify(routing));
      await this.#parts.announce(routing.generation);
      this.published = true;
      await log.succeeded();
    } catch (error) {
      await log.failed(error);
      // The change is in the database: it must take effect even when its caller gives up.
      this.#retry = setTimeout(() => this.publish().catch(() => {}), RETRY_MS).unref();
      throw error;
    }
  }
}
