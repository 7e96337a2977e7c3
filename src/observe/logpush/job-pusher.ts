import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { writeDurably } from "../../lib/durable-file.ts";
import { Drops } from "../../products/segments/drops.ts";
import type { Budget } from "../budget.ts";
import { type Destination, readDestination } from "./destination.ts";
import type { LogRecord } from "./fields.ts";
import { type Filter, readFilter } from "./filter.ts";
import { type Job, type JobStatus, noStatus } from "./job.ts";
import type { Lanes } from "./lanes.ts";
import { DEFAULT_BATCH_RECORDS, MAX_BATCH_BYTES, MAX_RECORD_CHARS, RETRY_MS } from "./limits.ts";
import { type Output, readOutput } from "./output.ts";
import { type Batch, type BatchContent, Spool } from "./spool.ts";
import type { Upload } from "./upload.ts";

export interface PusherParts {
  /** Directory of the job, with what waits and how it goes. */
  directory: string;
  maxSpoolBytes: number;
  /** Of a job that says nothing. */
  intervalMs: number;
  lanes: Lanes;
  /** What accounts may write. */
  budget: Budget;
  upload(accountId: string, destination: Destination, upload: Upload): Promise<void>;
  log(line: string): void;
}

const compressed = promisify(gzip);

/** Takes records for one job, and pushes them in batches until its destination has them. */
export class JobPusher {
  readonly #parts: PusherParts;
  readonly #spool: Spool;
  readonly #drops: Drops;
  #job: Job;
  #destination: Destination;
  #filter: Filter | undefined;
  #output: Output;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #isPushing = false;
  #isEnded = false;
  status: JobStatus;

  /** Pushes what an earlier process left. */
  constructor(job: Job, parts: PusherParts) {
    this.#parts = parts;
    this.#drops = new Drops("records", parts.log);
    this.#job = job;
    [this.#destination, this.#filter, this.#output] = read(job);
    this.status = readStatus(parts.directory);
    this.#spool = new Spool(parts.directory, parts.maxSpoolBytes, (records) =>
      this.#drop(records, "there was no room"),
    );
    this.push();
  }

  get job(): Job {
    return this.#job;
  }

  /** Goes on with other settings. What was written stays as it was written. */
  change(job: Job): void {
    this.#job = job;
    [this.#destination, this.#filter, this.#output] = read(job);
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#failures = 0;
    this.push();
  }

  /** Those that the job wants are in its file when this returns. */
  take(records: readonly LogRecord[]): void {
    const { sampleRate, delimiter } = this.#output;
    const { budget } = this.#parts;
    const { accountId } = this.#job;
    const nowMs = performance.now();
    const texts: string[] = [];
    for (const record of records) {
      if (this.#filter && !this.#filter(record)) continue;
      if (sampleRate < 1 && Math.random() >= sampleRate) continue;
      if (!budget.has(accountId, nowMs)) {
        this.#drop(1, "there is more to write than an account may");
        continue;
      }
      const text = this.#output.write(record);
      budget.spend(accountId, text === undefined ? MAX_RECORD_CHARS : text.length + delimiter.length, nowMs);
      if (text === undefined) this.#drop(1, "it was too long");
      else texts.push(text);
    }
    if (texts.length === 0) return;
    try {
      this.#spool.append(texts, Date.now(), delimiter);
    } catch (error) {
      this.#drop(texts.length, (error as Error).message);
      return;
    }
    const { maxBytes, maxRecords, maxIntervalSeconds } = this.#job;
    const isFull =
      this.#spool.bytes >= Math.min(maxBytes || MAX_BATCH_BYTES, MAX_BATCH_BYTES) ||
      this.#spool.records >= (maxRecords || DEFAULT_BATCH_RECORDS);
    if (isFull) this.#endBatch();
    else
      this.#timer ??= setTimeout(
        () => this.#endBatch(),
        maxIntervalSeconds ? maxIntervalSeconds * 1000 : this.#parts.intervalMs,
      );
  }

  /** Pushes batches that are complete, one after the other. */
  push(): void {
    if (this.#isPushing || this.#retry !== undefined) return;
    void this.#pushAll();
  }

  /** Stops; what waits is pushed by the next process. */
  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    this.#spool.seal();
  }

  /** The job is no more, and nothing of it is pushed. */
  async remove(): Promise<void> {
    this.end();
    await rm(this.#parts.directory, { recursive: true, force: true });
  }

  #endBatch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#spool.seal();
    this.push();
  }

  async #pushAll(): Promise<void> {
    this.#isPushing = true;
    try {
      for (;;) {
        const batch = this.#spool.oldest;
        if (batch === undefined || !this.#job.enabled || this.#isEnded) return;
        const { accountId } = this.#job;
        const isPushed = await this.#parts.lanes.run(accountId, () => this.#pushBatch(batch));
        if (this.#isEnded) return;
        await this.#saveStatus();
        if (isPushed) continue;
        this.#retryLater();
        return;
      }
    } finally {
      // In the same moment as the look at what waits: who comes later begins anew.
      this.#isPushing = false;
    }
  }

  #retryLater(): void {
    const pauseMs = Math.min(RETRY_MS.first * 2 ** this.#failures++, RETRY_MS.last);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.push();
    }, pauseMs);
  }

  /** Whether it is where it should be. */
  async #pushBatch(batch: Batch): Promise<boolean> {
    try {
      const content = await this.#spool.read(batch);
      if (content !== undefined) {
        const upload = await fileOf(this.#output, content);
        await this.#parts.upload(this.#job.accountId, this.#destination, upload);
        this.status.lastComplete = new Date(content.lastMs).toISOString();
      }
      await this.#spool.remove(batch);
    } catch (error) {
      this.status.lastError = new Date().toISOString();
      this.status.errorMessage = (error as Error).message;
      return false;
    }
    this.#failures = 0;
    this.status.lastError = null;
    this.status.errorMessage = null;
    return true;
  }

  #drop(records: number, why: string): void {
    this.status.dropped += records;
    // Said now and then: code of tenants decides how often it happens.
    this.#drops.add(`Logpush job ${this.#job.id}`, records, why);
  }

  async #saveStatus(): Promise<void> {
    await writeDurably(join(this.#parts.directory, STATUS), JSON.stringify(this.status)).catch((error: Error) =>
      this.#parts.log(`Logpush job ${this.#job.id}: ${error.message}`),
    );
  }
}

const STATUS = "status.json";

function read(job: Job): [Destination, Filter | undefined, Output] {
  return [
    readDestination(job.destination, job.accountId),
    job.filter === "" ? undefined : readFilter(job.filter),
    readOutput(job.output),
  ];
}

function readStatus(directory: string): JobStatus {
  try {
    return { ...noStatus, ...JSON.parse(readFileSync(join(directory, STATUS), "utf8")) };
  } catch {
    return { ...noStatus };
  }
}

/** Named by the time that it covers and by what is in it, so that one that is pushed again replaces itself. */
async function fileOf(output: Output, { firstMs, lastMs, text: records }: BatchContent): Promise<Upload> {
  const text = output.batch(records);
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8);
  const name = `${stamp(firstMs)}_${stamp(lastMs)}_${hash}.log.gz`;
  return { name, body: await compressed(text), isGzip: true, atMs: firstMs };
}

/** `YYYYMMDDThhmmssZ`. */
function stamp(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[-:]|\.\d+/g, "");
}
