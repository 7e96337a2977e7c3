import { join } from "node:path";
import type { AnalyticsSettings } from "../domain/config.ts";
import type { HostKind } from "../domain/messages.ts";
import { Intake } from "../products/analytics/intake.ts";
import { accountsIn, keepAccount } from "../products/analytics/keeper.ts";
import { KEEP_MS, PACK_MS, PACKER_IDLE_MS, QUERY_HOST_IDLE_MS, QUERY_MS } from "../products/analytics/limits.ts";
import { type HostReply, requestKind } from "../products/d1/host-protocol.ts";
import { Databases, type DatabaseWords } from "./databases.ts";

export interface AnalyticsOptions {
  /** Directory of the accounts' directories. */
  root: string;
  settings: AnalyticsSettings;
  startHost(kind: HostKind): (hostId: string, accountId: string) => Promise<string>;
  endHost(hostId: string): Promise<unknown>;
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
 * Analytics Engine: takes data points in, has them packed, and has queries answered. The engine runs in hosts of two kinds:
 * those for queries see one account's files and cannot write, those that pack never see a query.
 */
export class Analytics {
  readonly intake: Intake;
  readonly #options: AnalyticsOptions;
  readonly #queries: Databases;
  readonly #packers: Databases;
  readonly #packing = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #lane = 0;

  constructor(options: AnalyticsOptions) {
    const { root, startHost, endHost } = options;
    this.#options = options;
    const hosts = (kind: HostKind, queryMs: number, idleMs: number) =>
      new Databases({ startHost: startHost(kind), endHost, queryMs, idleMs, name: kind, words: WORDS });
    this.#queries = hosts("analytics-query", QUERY_MS, QUERY_HOST_IDLE_MS);
    this.#packers = hosts("analytics-pack", PACK_MS, PACKER_IDLE_MS);
    const log = (line: string) => console.error(line);
    this.intake = new Intake(root, { sealed: (accountId) => this.pack(accountId), log });
    this.#timer = setInterval(() => void this.keep(), KEEP_MS).unref();
  }

  /** Answers SQL over the account's data points, those included that came before. */
  query(accountId: string, sql: string, isWanted: () => boolean, done: (reply: HostReply) => void): void {
    this.intake.flush();
    this.#lane = (this.#lane + 1) % LANES;
    const payload = Buffer.from(JSON.stringify({ sql }));
    const request = { databaseId: `lane-${this.#lane}`, kind: requestKind.operation, flags: 0, payload };
    this.#queries.run(accountId, { ...request, isWanted, writesNothing: true }, done);
  }

  /** Packs what there is to pack, one day of one dataset after the other. */
  pack(accountId: string): void {
    if (this.#packing.has(accountId)) return;
    this.#packing.add(accountId);
    const payload = Buffer.from(JSON.stringify({ today: today() }));
    const request = { databaseId: "pack", kind: requestKind.operation, flags: 0, payload, writesNothing: true };
    this.#packers.run(accountId, request, (reply) => {
      this.#packing.delete(accountId);
      const { packed, message } = JSON.parse(reply.payload.toString());
      if (packed === true) this.pack(accountId);
      else if (!reply.ok) console.error(`packing data points of ${accountId}: ${message}`);
    });
  }

  /** Looks after all accounts: seals, packs, removes what is too old or too much. */
  async keep(): Promise<void> {
    const { root, settings } = this.#options;
    await this.intake.sealPast(today());
    const keeping = {
      retentionMs: settings.retentionMs,
      maxBytes: settings.maxAccountBytes,
      isOpen: (directory: string, date: string) => this.intake.isOpen(directory, date),
      release: (directory: string, date: string) => this.intake.release(directory, date),
      log: (line: string) => console.error(line),
    };
    for (const accountId of accountsIn(root)) {
      try {
        if (await keepAccount(join(root, accountId), keeping, Date.now())) this.pack(accountId);
      } catch (error) {
        // A day may have been packed or removed while it was looked at; the next round sees it as it is then.
        console.error(`data points of ${accountId}:`, error);
      }
    }
  }

  /** What was taken is on disk when it resolves; hosts are ended. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.intake.close();
    await Promise.all([this.#queries.stop(), this.#packers.stop()]);
  }
}
