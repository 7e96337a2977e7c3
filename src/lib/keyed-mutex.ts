/**
 * Runs tasks of one key one after the other, in the order they came; tasks of different keys side by side.
 * A task that throws does not disturb those after it. Holds memory only for keys in use.
 */
export class KeyedMutex {
  #tails = new Map<string, Promise<void>>();

  async run<Result>(key: string, task: () => Promise<Result>): Promise<Result> {
    const previous = this.#tails.get(key);
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    this.#tails.set(key, done);
    try {
      await previous;
      return await task();
    } finally {
      release();
      if (this.#tails.get(key) === done) this.#tails.delete(key);
    }
  }

  /** Number of keys that are in use. */
  get size(): number {
    return this.#tails.size;
  }
}
