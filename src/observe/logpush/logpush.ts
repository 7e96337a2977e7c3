import { readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { TraceItem, TraceListener, TraceSource } from "../../domain/trace.ts";
import { Budget } from "../budget.ts";
import type { ObservedScripts } from "../observed.ts";
import { readDestination } from "./destination.ts";
import type { Job, JobStatus } from "./job.ts";
import { JobPusher, type PusherParts } from "./job-pusher.ts";
import { Lanes } from "./lanes.ts";
import { UPLOAD_LANES, WRITTEN_BURST_CHARS, WRITTEN_CHARS_PER_SECOND } from "./limits.ts";
import { recordOf } from "./record.ts";

export interface LogpushParts extends Pick<PusherParts, "maxSpoolBytes" | "intervalMs" | "upload" | "log"> {
  /** Directory of the accounts' directories, each with those of its jobs. */
  root: string;
  observed: Pick<ObservedScripts, "find">;
  /** What each account may write, in characters; absent: that of the limits. */
  budget?: Budget;
}

const ID = /^[0-9]{1,15}$/;
const ACCOUNT = /^[0-9a-f]{32}$/;
const compressed = promisify(gzip);

/** Gives invocations of scripts with `logpush` to the jobs of their account. */
export class Logpush implements TraceListener {
  readonly #parts: LogpushParts;
  readonly #lanes = new Lanes(UPLOAD_LANES);
  readonly #budget: Budget;
  #pushers = new Map<string, JobPusher[]>();
  #isLoaded = false;

  constructor(parts: LogpushParts) {
    this.#parts = parts;
    this.#budget = parts.budget ?? new Budget(WRITTEN_CHARS_PER_SECOND, WRITTEN_BURST_CHARS);
  }

  take(source: TraceSource, items: readonly TraceItem[]): void {
    const script = this.#parts.observed.find(source.accountId, source.script);
    if (!script?.logpush) return;
    const pushers = this.#pushers.get(source.accountId)?.filter(({ job }) => job.enabled) ?? [];
    if (pushers.length === 0) return;
    const records = items.map((item) => recordOf(source, item, script.tags ?? []));
    for (const pusher of pushers) pusher.take(records);
  }

  /** Takes over all jobs there are; what waits for others is removed. */
  load(jobs: readonly Job[]): void {
    const known = new Map([...this.#pushers.values()].flat().map((pusher) => [pusher.job.id, pusher]));
    const pushers = new Map<string, JobPusher[]>();
    for (const job of jobs) {
      const pusher = known.get(job.id);
      known.delete(job.id);
      const list = pushers.get(job.accountId) ?? [];
      pushers.set(job.accountId, list);
      try {
        if (pusher === undefined) list.push(this.#start(job));
        else {
          if (JSON.stringify(pusher.job) !== JSON.stringify(job)) pusher.change(job);
          list.push(pusher);
        }
      } catch (error) {
        this.#parts.log(`Logpush job ${job.id} cannot be done: ${(error as Error).message}`);
      }
    }
    this.#pushers = pushers;
    for (const pusher of known.values()) void this.#quietly(pusher.remove());
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    this.#removeForgotten(jobs);
  }

  /** How it goes with an account's jobs, by id. */
  status(accountId: string): Record<number, JobStatus> {
    return Object.fromEntries((this.#pushers.get(accountId) ?? []).map(({ job, status }) => [job.id, status]));
  }

  /** Puts a small file to a destination, to see whether that works. Rejects with the reason. */
  async write(accountId: string, conf: string, name: string, content: string): Promise<void> {
    const isGzip = name.endsWith(".gz");
    const body = isGzip ? await compressed(content) : Buffer.from(content);
    const upload = { name, body, isGzip, atMs: Date.now() };
    await this.#lanes.run(`${accountId}/asked`, () =>
      this.#parts.upload(accountId, readDestination(conf, accountId), upload),
    );
  }

  /** Stops; what waits is pushed by the next process. */
  close(): void {
    for (const pusher of [...this.#pushers.values()].flat()) pusher.end();
  }

  #start(job: Job): JobPusher {
    const directory = join(this.#parts.root, job.accountId, String(job.id));
    return new JobPusher(job, { ...this.#parts, lanes: this.#lanes, budget: this.#budget, directory });
  }

  /** Jobs that were deleted while nobody looked. */
  #removeForgotten(jobs: readonly Job[]): void {
    const { root } = this.#parts;
    const kept = new Set(jobs.map(({ accountId, id }) => `${accountId}/${id}`));
    for (const account of namesIn(root, ACCOUNT)) {
      for (const id of namesIn(join(root, account), ID)) {
        if (kept.has(`${account}/${id}`)) continue;
        void this.#quietly(rm(join(root, account, id), { recursive: true, force: true }));
      }
    }
  }

  async #quietly(work: Promise<void>): Promise<void> {
    await work.catch((error: Error) => this.#parts.log(`Logpush: ${error.message}`));
  }
}

function namesIn(directory: string, pattern: RegExp): string[] {
  try {
    return readdirSync(directory).filter((name) => pattern.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
