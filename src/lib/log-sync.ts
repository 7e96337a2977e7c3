import { close, fdatasync } from "node:fs";

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Makes commits durable without blocking: SQLite appends to its log, and the log is synced on another thread, once for all
 * commits that came meanwhile. With `synchronous=full` SQLite would do it inside each commit, and stop this process for so long.
 */
export class LogSync {
  readonly #descriptor: number;
  #waiting: Waiting[] = [];
  #running = false;

  /** Takes over the descriptor of the log. */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  get idle(): boolean {
    return !this.#running;
  }

  /** Resolves when all that was committed before is on disk. */
  durable(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // Commits of the same turn come along.
      setImmediate(() => this.#sync());
    });
  }

  /** Call it when idle. */
  close(): void {
    close(this.#descriptor);
  }

  #sync(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    fdatasync(this.#descriptor, (error) => {
      if (this.#waiting.length > 0) this.#sync();
      else this.#running = false;
      for (const one of waiting) {
        if (error) one.reject(error);
        else one.resolve();
      }
    });
  }
}
