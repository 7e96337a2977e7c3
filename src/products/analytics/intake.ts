import { Drops } from "../segments/drops.ts";
import { SegmentWriter, type Stream } from "../segments/writer.ts";
import { type DataPoint, lineOf } from "./data-point.ts";
import { MAX_DATASETS } from "./limits.ts";
import { Sampler } from "./sampler.ts";

export interface IntakeEvents {
  /** A segment of the account is full. */
  sealed(accountId: string): void;
  log(line: string): void;
}

/** Data points on their way to disk. A Worker never waits for it: what is too much is sampled, then dropped and counted. */
export class Intake {
  readonly writer: SegmentWriter;
  readonly #samplers = new WeakMap<Stream, Sampler>();
  readonly #drops: Drops;

  constructor(root: string, { sealed, log }: IntakeEvents) {
    this.#drops = new Drops("data points", log);
    this.writer = new SegmentWriter({
      root,
      maxStreams: MAX_DATASETS,
      sealed,
      lost: ({ accountId, name }, lines, why) => this.#drops.add(`${accountId}/${name}`, lines, why),
      log,
    });
  }

  /** Data points that are lost. */
  get dropped(): number {
    return this.#drops.count;
  }

  /** Takes a point. Account and dataset must have been checked: both become parts of paths. */
  write(accountId: string, name: string, point: DataPoint): void {
    const dataset = this.writer.stream(accountId, name);
    if (!dataset) {
      this.#drops.add(`${accountId}/${name}`, 1, `the account has ${MAX_DATASETS} datasets, which is the limit`);
      return;
    }
    const interval = this.#sampler(dataset).take(point.index, Date.now());
    if (interval === 0) return;
    if (interval === undefined || this.writer.isFull) {
      this.#drops.add(`${accountId}/${name}`, 1, "they come faster than they can be kept");
      return;
    }
    this.writer.append(dataset, lineOf(point, interval));
  }

  #sampler(dataset: Stream): Sampler {
    const known = this.#samplers.get(dataset);
    if (known) return known;
    const sampler = new Sampler();
    this.#samplers.set(dataset, sampler);
    return sampler;
  }
}
