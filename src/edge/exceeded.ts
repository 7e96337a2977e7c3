import type { Exceeded, ExceededInvocation } from "../domain/exceeded.ts";

/** Requests that are told of in a second: one runner may have had many. */
const MAX_A_SECOND = 20;
/** What is told of a request's head. */
const MAX_HEAD_CHARS = 32 * 1024;

/** Tells of requests that ended with a runner that exceeded a limit; nobody else can tell of them. */
export class ExceededReports {
  readonly #send: (invocation: ExceededInvocation) => void;
  #second = 0;
  #sent = 0;

  constructor(send: (invocation: ExceededInvocation) => void) {
    this.#send = send;
  }

  report({ head, ...runner }: Exceeded & { head: string }): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) [this.#second, this.#sent] = [second, 0];
    if (this.#sent++ < MAX_A_SECOND) this.#send({ ...runner, event: { head: head.slice(0, MAX_HEAD_CHARS) } });
  }
}
