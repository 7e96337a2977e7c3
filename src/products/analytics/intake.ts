import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type DataPoint, lineOf } from "./data-point.ts";
import {
  MAX_DATASETS,
  MAX_OPEN_SEGMENTS,
  MAX_WAITING_BYTES,
  SEGMENT_BYTES,
  SYNC_DELAY_MS,
  WRITE_DELAY_MS,
} from "./limits.ts";
import { Sampler } from "./sampler.ts";
import { Segment } from "./segment.ts";

interface Dataset {
  accountId: string;
  directory: string;
  sampler: Sampler;
  segment: Segment | undefined;
  waiting: string;
}

export interface IntakeEvents {
  /** A segment of the account is full. */
  sealed(accountId: string): void;
  log(line: string): void;
}

/** How often dropped data points are spoken of. */
const LOG_PAUSE_MS = 60_000;

/** Data points on their way to disk. A Worker never waits for it: what is too much is sampled, then dropped and counted. */
export class Intake {
  readonly #root: string;
  readonly #events: IntakeEvents;
  readonly #datasets = new Map<string, Dataset>();
  readonly #loggedAtMs = new Map<string, number>();
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  /** Data points that are lost. */
  dropped = 0;

  constructor(root: string, events: IntakeEvents) {
    this.#root = root;
    this.#events = events;
  }

  /** Takes a point. Account and dataset must have been checked: both become parts of paths. */
  write(accountId: string, name: string, point: DataPoint): void {
    const dataset = this.#dataset(accountId, name);
    if (!dataset) {
      this.#drop(`${accountId}/${name}`, 1, `the account has ${MAX_DATASETS} datasets, which is the limit`);
      return;
    }
    const interval = dataset.sampler.take(point.index, Date.now());
    if (interval === 0) return;
    if (interval === undefined || this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#drop(`${accountId}/${name}`, 1, "they come faster than they can be kept");
      return;
    }
    const line = lineOf(point, interval);
    dataset.waiting += line;
    this.#waitingBytes += line.length;
    this.#timer ??= setTimeout(() => this.flush(), WRITE_DELAY_MS);
  }

  /** Writes what waits, so that a query sees it. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const date = new Date().toISOString().slice(0, 10);
    for (const [key, dataset] of this.#datasets) if (dataset.waiting !== "") this.#append(key, dataset, date);
    this.#waitingBytes = 0;
    this.#closeSome();
    this.#syncTimer ??= setTimeout(() => void this.#sync(), SYNC_DELAY_MS);
  }

  /** Seals segments of days that are over, and forgets datasets that nothing is written to. */
  async sealPast(today: string): Promise<void> {
    for (const [key, dataset] of this.#datasets) {
      if (dataset.waiting !== "" || dataset.segment?.date === today) continue;
      this.#datasets.delete(key);
      await this.#seal(dataset);
    }
  }

  /** Lets go of a segment whose day is being removed. */
  async release(directory: string, date: string): Promise<void> {
    for (const dataset of this.#datasets.values()) {
      if (dataset.directory === directory && dataset.segment?.date === date) await this.#seal(dataset);
    }
  }

  /** Whether points are being appended to a dataset's segment of that day. */
  isOpen(directory: string, date: string): boolean {
    for (const dataset of this.#datasets.values()) {
      if (dataset.directory === directory && dataset.segment?.date === date) return true;
    }
    return false;
  }

  /** Writes everything; resolves when it is on disk. */
  async close(): Promise<void> {
    this.flush();
    clearTimeout(this.#syncTimer);
    await Promise.all([...this.#datasets.values()].map(({ segment }) => segment?.rest()));
  }

  #dataset(accountId: string, name: string): Dataset | undefined {
    const key = `${accountId}/${name}`;
    const known = this.#datasets.get(key);
    if (known) return known;
    const account = join(this.#root, accountId);
    const directory = join(account, name);
    if (!existsSync(directory) && existsSync(account) && readdirSync(account).length >= MAX_DATASETS) return undefined;
    const dataset: Dataset = { accountId, directory, sampler: new Sampler(), segment: undefined, waiting: "" };
    this.#datasets.set(key, dataset);
    return dataset;
  }

  #append(key: string, dataset: Dataset, date: string): void {
    const text = dataset.waiting;
    dataset.waiting = "";
    try {
      if (dataset.segment && (dataset.segment.date !== date || dataset.segment.size >= SEGMENT_BYTES)) {
        void this.#seal(dataset);
      }
      dataset.segment ??= Segment.create(dataset.directory, date);
      dataset.segment.append(text);
      dataset.segment.usedAtMs = performance.now();
    } catch (error) {
      this.#drop(key, text.split("\n").length - 1, (error as Error).message);
    }
  }

  /** The next point begins another. */
  async #seal(dataset: Dataset): Promise<void> {
    const { segment } = dataset;
    dataset.segment = undefined;
    if (!segment) return;
    try {
      await segment.seal();
      this.#events.sealed(dataset.accountId);
    } catch (error) {
      this.#events.log(`data points of ${dataset.directory}: ${(error as Error).message}`);
    }
  }

  #closeSome(): void {
    const open = [...this.#datasets.values()].flatMap(({ segment }) => (segment?.isOpen ? [segment] : []));
    if (open.length <= MAX_OPEN_SEGMENTS) return;
    open.sort((a, b) => a.usedAtMs - b.usedAtMs);
    for (const segment of open.slice(0, open.length - MAX_OPEN_SEGMENTS)) this.#quietly(segment.rest());
  }

  async #sync(): Promise<void> {
    this.#syncTimer = undefined;
    for (const { segment } of this.#datasets.values()) if (segment) this.#quietly(segment.sync());
  }

  #quietly(work: Promise<void>): void {
    work.catch((error: Error) => this.#events.log(`data points: ${error.message}`));
  }

  #drop(key: string, count: number, why: string): void {
    this.dropped += count;
    const now = performance.now();
    if (now - (this.#loggedAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < LOG_PAUSE_MS) return;
    if (this.#loggedAtMs.size > 1000) this.#loggedAtMs.clear();
    this.#loggedAtMs.set(key, now);
    this.#events.log(`data points of ${key} are dropped: ${why} (${this.dropped} of all datasets since the start)`);
  }
}
