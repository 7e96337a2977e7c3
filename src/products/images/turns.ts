import { imagesCodes } from "./errors.ts";
import { Failure } from "./failure.ts";
import { MAX_AT_ONCE, MAX_AT_ONCE_OF_ACCOUNT, MAX_WAITING_OF_ACCOUNT } from "./limits.ts";

interface Waiting {
  accountId: string;
  begin(): void;
}

/** Whose calls are taken in, and so held in memory: so many of all, fewer of one account. The others wait, in order. */
export class Turns {
  readonly #running = new Map<string, number>();
  #total = 0;
  #waiting: Waiting[] = [];

  /** Resolves with what ends the turn, to be called once. Throws {@link Failure} when too many of the account wait. */
  async take(accountId: string): Promise<() => void> {
    if (!this.#hasRoom(accountId)) await this.#wait(accountId);
    else this.#begin(accountId);
    return () => this.#end(accountId);
  }

  #wait(accountId: string): Promise<void> {
    const others = this.#waiting.filter((one) => one.accountId === accountId).length;
    if (others >= MAX_WAITING_OF_ACCOUNT)
      throw new Failure(imagesCodes.failed, "Too many images wait. Try again later.");
    return new Promise((resolve) => this.#waiting.push({ accountId, begin: resolve }));
  }

  #hasRoom(accountId: string): boolean {
    return this.#total < MAX_AT_ONCE && (this.#running.get(accountId) ?? 0) < MAX_AT_ONCE_OF_ACCOUNT;
  }

  #begin(accountId: string): void {
    this.#total++;
    this.#running.set(accountId, (this.#running.get(accountId) ?? 0) + 1);
  }

  #end(accountId: string): void {
    this.#total--;
    const left = (this.#running.get(accountId) ?? 1) - 1;
    if (left > 0) this.#running.set(accountId, left);
    else this.#running.delete(accountId);
    const next = this.#waiting.findIndex((one) => this.#hasRoom(one.accountId));
    if (next < 0) return;
    const [one] = this.#waiting.splice(next, 1) as [Waiting];
    this.#begin(one.accountId);
    one.begin();
  }
}
