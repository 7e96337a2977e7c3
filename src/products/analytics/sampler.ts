import { FULL_RATE, MAX_COUNTED_INDEXES, MAX_INTERVAL, MAX_KEPT_RATE, SAMPLING_STEP } from "./limits.ts";

const SECOND_MS = 1000;

/**
 * Decides which data points of a dataset are kept. In a second the first points of an index are all kept; of more, one in ten,
 * then one in a hundred, each standing for those left out: so sums with the interval as weight stay right, and an index with
 * little traffic is not touched by one with much.
 */
export class Sampler {
  #second = 0;
  #kept = 0;
  readonly #counts = new Map<string, number>();

  /** How many points this one stands for; 0: it is left out, since another stands for it; undefined: it is lost. */
  take(index: string, nowMs: number): number | undefined {
    const second = Math.floor(nowMs / SECOND_MS);
    if (second !== this.#second) {
      this.#second = second;
      this.#kept = 0;
      this.#counts.clear();
    }
    const known = this.#counts.get(index);
    const key = known === undefined && this.#counts.size >= MAX_COUNTED_INDEXES ? "" : index;
    const count = (key === index ? known : this.#counts.get(key)) ?? 0;
    this.#counts.set(key, count + 1);
    const interval = intervalAt(count);
    // The last of each group stands for it, so that none is counted before it came.
    if (interval > 1 && (count + 1) % interval !== 0) return 0;
    if (this.#kept >= MAX_KEPT_RATE) return undefined;
    this.#kept++;
    return interval;
  }
}

/** Of the point with so many before it in this second. */
function intervalAt(count: number): number {
  let interval = 1;
  for (let bound = FULL_RATE; count >= bound && interval < MAX_INTERVAL; bound *= SAMPLING_STEP)
    interval *= SAMPLING_STEP;
  return interval;
}
