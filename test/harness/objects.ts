import type { Platform } from "./platform.ts";

export interface Outcome {
  result?: unknown;
  error?: { name: string; message: string; retryable?: boolean; remote?: boolean; detail?: unknown };
}

/** Calls methods of objects by way of a Worker that takes `/<binding>/<name>/<method>` (fixtures `objects-*`). */
export class ObjectCaller {
  #platform: Platform;
  #script: string;

  constructor(platform: Platform, script: string) {
    this.#platform = platform;
    this.#script = script;
  }

  /** What the call came to: its result or the exception that the Worker saw. */
  async outcome(binding: string, name: string, method: string, ...args: unknown[]): Promise<Outcome> {
    const address = await this.#platform.url(this.#script, `/${binding}/${name}/${method}`);
    const reply = await this.#platform.fetch(address, { method: "POST", body: JSON.stringify(args) });
    if (!reply.headers["content-type"]?.includes("json")) {
      throw new Error(`${binding}/${name}/${method} answered ${reply.status}: ${reply.body.slice(0, 500)}`);
    }
    return reply.json() as Outcome;
  }

  /** The call's result; throws when it failed. */
  async call(binding: string, name: string, method: string, ...args: unknown[]): Promise<unknown> {
    const { result, error } = await this.outcome(binding, name, method, ...args);
    if (error) throw new Error(`${binding}/${name}/${method}: ${error.name}: ${error.message}`);
    return result;
  }
}

/** Asks again until the answer is the one that is waited for; throws with the last one when time is up. */
export async function until<T>(ask: () => Promise<T>, isIt: (answer: T) => boolean, timeoutMs = 30_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (isIt(answer)) return answer;
    if (Date.now() > deadline)
      throw new Error(`not within ${timeoutMs} ms; the last answer: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
