import { KeyedMutex } from "../../lib/keyed-mutex.ts";

/** Work of one key runs one after the other, and no more than so many side by side. */
export class Lanes {
  readonly #keys = new KeyedMutex();
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(lanes: number) {
    this.#free = lanes;
  }

  run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    return this.#keys.run(key, async () => {
      if (this.#free > 0) this.#free--;
      else await new Promise<void>((resolve) => this.#waiting.push(resolve));
      try {
        return await work();
      } finally {
        const next = this.#waiting.shift();
        if (next) next();
        else this.#free++;
      }
    });
  }
}
