import { join } from "node:path";
import type { HostKind } from "../domain/messages.ts";
import { type HostReply, requestKind } from "../products/d1/host-protocol.ts";
import { accountsIn, keepAccount } from "../products/segments/keeper.ts";
import { KEEP_MS, PACK_MS, PACKER_IDLE_MS, QUERY_HOST_IDLE_MS, QUERY_MS } from "../products/segments/limits.ts";
import type { SegmentWriter } from "../products/segments/writer.ts";
import { Databases, type DatabaseWords } from "./databases.ts";

export interface SegmentStoreOptions {
  /** Directory of the accounts' directories. */
  root: string;
  /** What the rows are, such as `data points`. */
  what: string;
  settings: { retentionMs: number; maxAccountBytes: number };
  hosts: { query: HostKind; pack: HostKind };
  startHost(kind: HostKind): (hostId: string, accountId: string) => Promise<string>;
  endHost(hostId: string): Promise<unknown>;
  log(line: string): void;
}

const WORDS: DatabaseWords = {
  timedOut: `The query took longer than ${QUERY_MS / 1000} seconds. Ask for a shorter time, or fewer groups.`,
  starved: "The query was ended early: the account runs as many as it may, and others waited. Run fewer at a time.",
  overloaded: "Too many queries wait. Try again later.",
  unreachable: "Queries cannot be answered now. Try again.",
  lost: "The query was ended, perhaps because it took too much memory. Ask for a shorter time, or fewer groups.",
};

/** Queries of an account that run side by side: each in a host of its own, with memory of its own. */
const LANES = 2;

const today = () => new Date().toISOString().slice(0, 10);

/**
 * Rows of accounts (`products/segments`): has them packed, removes what is too old or too much, and has queries answered. The
 * engine runs in hosts of two kinds: those for queries see one account's files and cannot write, those that pack never see a query.
 */
export class SegmentStore {
  readonly #options: SegmentStoreOptions;
  readonly #writer: SegmentWriter;
  readonly #queries: Databases;
  readonly #packers: Databases;
  readonly #packing = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #lane = 0;

  constructor(options: SegmentStoreOptions, writer: SegmentWriter) {
    const { hosts, startHost, endHost } = options;
    this.#options = options;
    this.#writer = writer;
    const hostsOf = (kind: HostKind, queryMs: number, idleMs: number) =>
      new Databases({ startHost: startHost(kind), endHost, queryMs, idleMs, name: kind, words: WORDS });
    this.#queries = hostsOf(hosts.query, QUERY_MS, QUERY_HOST_IDLE_MS);
    this.#packers = hostsOf(hosts.pack, PACK_MS, PACKER_IDLE_MS);
    this.#timer = setInterval(() => void this.keep(), KEEP_MS).unref();
  }

  /** Answers a request over the account's rows, those included that came before. */
  query(accountId: string, request: object, isWanted: () => boolean, done: (reply: HostReply) => void): void {
    this.#writer.flush();
    this.#lane = (this.#lane + 1) % LANES;
    const payload = Buffer.from(JSON.stringify(request));
    const task = { databaseId: `lane-${this.#lane}`, kind: requestKind.operation, flags: 0, payload };
    this.#queries.run(accountId, { ...task, isWanted, writesNothing: true }, done);
  }

  /** Packs what there is to pack, one day of one stream after the other. */
  pack(accountId: string): void {
    if (this.#packing.has(accountId)) return;
    this.#packing.add(accountId);
    const payload = Buffer.from(JSON.stringify({ today: today() }));
    const task = { databaseId: "pack", kind: requestKind.operation, flags: 0, payload, writesNothing: true };
    this.#packers.run(accountId, task, (reply) => {
      this.#packing.delete(accountId);
      const { packed, message } = JSON.parse(reply.payload.toString());
      if (packed === true) this.pack(accountId);
      else if (!reply.ok) this.#options.log(`packing ${this.#options.what} of ${accountId}: ${message}`);
    });
  }

  /** Looks after all accounts: seals, packs, removes what is too old or too much. */
  async keep(): Promise<void> {
    const { root, what, settings, log } = this.#options;
    await this.#writer.sealPast(today());
    const keeping = {
      retentionMs: settings.retentionMs,
      maxBytes: settings.maxAccountBytes,
      isOpen: (directory: string, date: string) => this.#writer.isOpen(directory, date),
      release: (directory: string, date: string) => this.#writer.release(directory, date),
      log,
    };
    for (const accountId of accountsIn(root)) {
      try {
        if (await keepAccount(join(root, accountId), keeping, Date.now())) this.pack(accountId);
      } catch (error) {
        // A day may have been packed or removed while it was looked at; the next round sees it as it is then.
        log(`${what} of ${accountId}: ${(error as Error).message}`);
      }
    }
  }

  /** What was taken is on disk when it resolves; hosts are ended. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writer.close();
    await Promise.all([this.#queries.stop(), this.#packers.stop()]);
  }
}
