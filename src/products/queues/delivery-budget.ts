/** Who waits for room. */
interface Waiting {
  wake(): void;
}

/** How many bytes may be on their way to the consumers of an account at once, over all its queues. */
export class DeliveryBudget {
  readonly #maxBytes: number;
  readonly #waiting = new Set<Waiting>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes room; false: there is none, and `who` is woken when there is. */
  enter(who: Waiting, bytes: number): boolean {
    if (this.#bytes + bytes > this.#maxBytes) {
      this.#waiting.add(who);
      return false;
    }
    this.#bytes += bytes;
    return true;
  }

  leave(bytes: number): void {
    this.#bytes -= bytes;
    // All: one that is woken may have nothing to deliver any more.
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const one of waiting) one.wake();
  }

  forget(who: Waiting): void {
    this.#waiting.delete(who);
  }
}
