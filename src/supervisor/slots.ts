/** A bounded number of things at a time; others wait in line, each for a bounded time. */
export class Slots {
  #free: number;
  #waiting: { enter: () => void; timer: NodeJS.Timeout }[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves with true when a slot is had (give it back with {@link leave}), false after `timeoutMs` in line. */
  enter(timeoutMs: number): Promise<boolean> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== place);
        resolve(false);
      }, timeoutMs);
      const place = { enter: () => resolve(true), timer };
      this.#waiting.push(place);
    });
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (!next) {
      this.#free++;
      return;
    }
    clearTimeout(next.timer);
    next.enter();
  }
}
