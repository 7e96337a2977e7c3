import { randomBytes } from "node:crypto";
import { failureReply, type HostReply, type HostRequest } from "../products/d1/host-protocol.ts";
import { type DatabaseTask, HostConnection } from "./database-host.ts";
import { isStuck, leastLoaded, longestReading, patienceWith, writesNothing } from "./database-relief.ts";
import {
  BUSY_HOST_MS,
  DATABASE_TICK_MS,
  HOST_IDLE_MS,
  MAX_DATABASE_QUEUE,
  MAX_DATABASE_QUEUE_BYTES,
} from "./limits.ts";

export interface DatabasesOptions {
  /** Starts the host if need be; resolves with its socket. */
  startHost(hostId: string, accountId: string): Promise<string>;
  endHost(hostId: string): Promise<unknown>;
  /** Longest time of a query. */
  queryMs: number;
  /** See `STARVING_MS` in `limits.ts`, which it is by default. */
  starvingMs?: number;
  /** A host that nobody needed for this long is ended; `HOST_IDLE_MS` unless given. */
  idleMs?: number;
  /** Begins the names of its hosts; `d1` unless given. */
  name?: string;
  /** What callers are told; of D1 unless given. */
  words?: DatabaseWords;
}

/** Why a request was not answered. */
export interface DatabaseWords {
  timedOut: string;
  starved: string;
  overloaded: string;
  unreachable: string;
  lost: string;
}

/** The original's words where it has them. */
const D1_WORDS: DatabaseWords = {
  timedOut: "D1 DB storage operation exceeded timeout which caused object to be reset.",
  starved:
    "D1 DB query was ended early: the account runs as many long queries as it may, and others waited. Make it shorter, or run fewer at a time.",
  overloaded: "D1 DB is overloaded. Too many requests queued.",
  unreachable: "The database cannot be reached now. Try again.",
  lost:
    "The database was restarted while the query ran, perhaps because its result or its work took too much memory. " +
    "A query that writes may have taken effect.",
};

interface Account {
  accountId: string;
  hosts: HostConnection[];
  /** Which host has a database open. */
  assigned: Map<string, HostConnection>;
  /** Requests that wait or run, and their bytes. */
  waiting: number;
  waitingBytes: number;
}

/**
 * Sends requests to SQLite hosts, each of which does one after the other. A database stays with its host, where its file
 * is open. When a host works on one request for long, requests for its other databases go to another host; when it does so
 * for too long it is ended, and only the caller of that request is told. When every host an account may have is at that,
 * the longest query that only reads is ended early, so that the account's others wait seconds and not for all of the time.
 */
export class Databases {
  readonly #options: DatabasesOptions;
  readonly #accounts = new Map<string, Account>();
  #stopped = false;
  /** Runs while a host has something to do. */
  #timer: NodeJS.Timeout | undefined;
  readonly #words: DatabaseWords;
  readonly #idleTimer: NodeJS.Timeout;

  constructor(options: DatabasesOptions) {
    this.#options = options;
    this.#words = options.words ?? D1_WORDS;
    this.#idleTimer = setInterval(() => this.#endIdle(), this.#idleMs / 4).unref();
  }

  get #idleMs(): number {
    return this.#options.idleMs ?? HOST_IDLE_MS;
  }

  get queryMs(): number {
    return this.#options.queryMs;
  }

  /** Runs a request. Account and database ids must have been checked. `done` is called once, with the reply or a failure. */
  run(accountId: string, request: HostRequest, done: (reply: HostReply) => void, timeoutMs = this.queryMs): void {
    const account = this.#account(accountId);
    const { length } = request.payload;
    if (
      account.waiting >= MAX_DATABASE_QUEUE ||
      (account.waiting > 0 && account.waitingBytes + length > MAX_DATABASE_QUEUE_BYTES)
    ) {
      done(failureReply({ code: "unavailable", message: this.#words.overloaded }));
      return;
    }
    account.waiting++;
    account.waitingBytes += length;
    const task: DatabaseTask = {
      databaseId: request.databaseId,
      kind: request.kind,
      flags: request.flags,
      payload: request.payload,
      isWanted: request.isWanted,
      ...(request.writesNothing !== undefined && { writesNothing: request.writesNothing }),
      timeoutMs,
      losses: 0,
      done(reply) {
        account.waiting--;
        account.waitingBytes -= length;
        done(reply);
      },
    };
    this.#dispatch(account, task);
  }

  /** Ends all hosts. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#idleTimer);
    this.#rest();
    const hosts = [...this.#accounts.values()].flatMap((account) => account.hosts);
    await Promise.all(hosts.map((host) => this.#options.endHost(host.id).catch(() => {})));
  }

  #account(accountId: string): Account {
    const known = this.#accounts.get(accountId);
    if (known) return known;
    const account: Account = { accountId, hosts: [], assigned: new Map(), waiting: 0, waitingBytes: 0 };
    this.#accounts.set(accountId, account);
    return account;
  }

  #dispatch(account: Account, task: DatabaseTask): void {
    if (this.#stopped) {
      task.done(failureReply({ code: "unavailable", message: "The platform is stopping. Try again." }));
      return;
    }
    this.#timer ??= setInterval(() => this.#tick(), DATABASE_TICK_MS);
    let host = account.assigned.get(task.databaseId);
    if (!host) {
      host = this.#choose(account);
      account.assigned.set(task.databaseId, host);
    }
    host.run(task);
  }

  /** The host that has least to do of those that are not stuck, or of all. */
  #choose(account: Account): HostConnection {
    return this.#able(account) ?? leastLoaded(account.hosts) ?? this.#start(account);
  }

  #able(account: Account): HostConnection | undefined {
    const now = performance.now();
    return leastLoaded(account.hosts.filter((host) => !isStuck(host, now, BUSY_HOST_MS)));
  }

  #start(account: Account): HostConnection {
    const { startHost } = this.#options;
    // Never the name of an earlier one: that may not be quite gone.
    const host = new HostConnection(`${this.#options.name ?? "d1"}-${randomBytes(6).toString("hex")}`, {
      lost: (lost, begun, waiting) => this.#lost(account, lost, begun, waiting),
    });
    host.usedAtMs = performance.now();
    account.hosts.push(host);
    startHost(host.id, account.accountId).then(
      (socket) => host.open(socket),
      (error: Error) => this.#failed(account, host, error),
    );
    return host;
  }

  /** A host did not start: another would not either. */
  #failed(account: Account, host: HostConnection, error: Error): void {
    this.#forget(account, host);
    console.error(`${this.#options.name ?? "databases"} of ${account.accountId}: ${error.message}`);
    for (const task of host.takeOthers()) {
      task.done(failureReply({ code: "unavailable", message: this.#words.unreachable }));
    }
  }

  #lost(account: Account, host: HostConnection, begun: DatabaseTask | undefined, waiting: DatabaseTask[]): void {
    this.#forget(account, host);
    // Its process may be alive still, when only the connection broke.
    void this.#options.endHost(host.id).catch(() => {});
    if (begun) this.#afterLoss(account, begun);
    for (const task of waiting) this.#dispatch(account, task);
  }

  #afterLoss(account: Account, task: DatabaseTask): void {
    if (task.losses++ === 0 && writesNothing(task)) {
      this.#dispatch(account, task);
      return;
    }
    task.done(
      failureReply({
        code: "unavailable",
        message: this.#words.lost,
      }),
    );
  }

  #forget(account: Account, host: HostConnection): void {
    account.hosts = account.hosts.filter((one) => one !== host);
    for (const [databaseId, assigned] of account.assigned) {
      if (assigned === host) account.assigned.delete(databaseId);
    }
  }

  /** Looks at all hosts: ends those that are stuck for too long, relieves those that are busy. */
  #tick(): void {
    const now = performance.now();
    let load = 0;
    for (const account of this.#accounts.values()) {
      for (const host of account.hosts) {
        const { current } = host;
        load += host.load;
        if (current && now - host.busySinceMs > current.timeoutMs) this.#timeOut(host, current);
        else if (isStuck(host, now, BUSY_HOST_MS) && host.hasOthers) this.#relieve(account, host, now);
      }
    }
    if (load === 0) this.#rest();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #endIdle(): void {
    const before = performance.now() - this.#idleMs;
    for (const account of this.#accounts.values()) {
      for (const host of account.hosts) if (host.load === 0 && host.usedAtMs < before) host.close();
      if (account.hosts.length === 0 && account.waiting === 0) this.#accounts.delete(account.accountId);
    }
  }

  #timeOut(host: HostConnection, task: DatabaseTask, message = this.#words.timedOut): void {
    task.done(failureReply({ code: "timeout", message }));
    // What comes of it now is no matter: it has been answered.
    task.done = () => {};
    task.losses = 1;
    host.close();
  }

  #relieve(account: Account, host: HostConnection, nowMs: number): void {
    let other = this.#able(account);
    if (!other) {
      const patienceMs = patienceWith(account.hosts);
      if (patienceMs === undefined) {
        const ended = longestReading(account.hosts, nowMs, this.#options.starvingMs);
        if (ended?.current) this.#timeOut(ended, ended.current, this.#words.starved);
        return;
      }
      if (!isStuck(host, nowMs, patienceMs)) return;
      other = this.#start(account);
    }
    for (const task of host.takeOthers()) {
      account.assigned.set(task.databaseId, other);
      other.run(task);
    }
  }
}
