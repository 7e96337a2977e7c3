import { createHash } from "node:crypto";
import { MAX_ACCOUNT_KEYS, MAX_KEYS, SHARED_COUNTERS } from "./limits.ts";

/** What is counted: same account, namespace, period and key is the same counter, whoever asks and whatever the limit. */
export interface Call {
  accountId: string;
  namespaceId: string;
  periodSeconds: number;
  key: Buffer;
}

/** A window of time and what was counted in it. */
interface Window {
  number: number;
  /** Keys of all accounts. */
  size: number;
  accounts: Map<string, Map<string, number>>;
}

export interface CounterBounds {
  accountKeys: number;
  keys: number;
}

/** Keys up to this length stand for themselves; longer ones for their digest, which is one byte longer. */
const PLAIN_KEY_BYTES = 31;

/**
 * Counters in fixed windows that begin with the wall clock: the first second of a minute, every ten seconds. Only the
 * present windows are kept. When there are too many keys in a window, those that come last share counters: a limit then
 * may be reached too early, never evaded by sending other keys.
 */
export class Counters {
  readonly #windows = new Map<number, Window>();
  readonly #bounds: CounterBounds;

  constructor(bounds: CounterBounds = { accountKeys: MAX_ACCOUNT_KEYS, keys: MAX_KEYS }) {
    this.#bounds = bounds;
  }

  /** Counts a call of this weight unless `limit` is reached; false: it is, and nothing was counted. */
  count(call: Call, limit: number, weight: number, nowMs: number): boolean {
    const window = this.#window(call.periodSeconds, nowMs);
    let account = window.accounts.get(call.accountId);
    if (!account) {
      account = new Map();
      window.accounts.set(call.accountId, account);
    }
    let id = `${call.namespaceId}:${identity(call.key)}`;
    let counted = account.get(id);
    if (counted === undefined && (account.size >= this.#bounds.accountKeys || window.size >= this.#bounds.keys)) {
      id = `${call.namespaceId}#${digest(call.key).readUInt32LE() % SHARED_COUNTERS}`;
      counted = account.get(id);
    }
    if ((counted ?? 0) >= limit) return false;
    if (counted === undefined) window.size++;
    account.set(id, (counted ?? 0) + weight);
    return true;
  }

  #window(periodSeconds: number, nowMs: number): Window {
    const number = Math.floor(nowMs / (periodSeconds * 1000));
    const known = this.#windows.get(periodSeconds);
    if (known?.number === number) return known;
    const window: Window = { number, size: 0, accounts: new Map() };
    this.#windows.set(periodSeconds, window);
    return window;
  }
}

function identity(key: Buffer): string {
  return (key.length <= PLAIN_KEY_BYTES ? key : digest(key)).toString("latin1");
}

function digest(key: Buffer): Buffer {
  return createHash("sha256").update(key).digest();
}
