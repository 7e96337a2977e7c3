import { Agent, request } from "node:http";
import { loopbackLookup } from "./http.ts";

export interface LoadFailure {
  /** Milliseconds after the load began. */
  atMs: number;
  what: string;
}

export interface LoadResult {
  requests: number;
  failures: LoadFailure[];
  latenciesMs: number[];
  /** Distinct answers seen and how often; bodies are cut to 40 characters. */
  answers: Map<string, number>;
}

/** Constant load: `connections` keep-alive clients, each pausing `pauseMs` after an answer, until stopped. */
export class Load {
  readonly result: LoadResult = { requests: 0, failures: [], latenciesMs: [], answers: new Map() };
  #agent: Agent;
  #stopping = false;
  #clients: Promise<void>[];
  #startedAt = performance.now();

  constructor(address: string, options: { connections?: number; pauseMs?: number; timeoutMs?: number } = {}) {
    const connections = options.connections ?? 4;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.#clients = Array.from({ length: connections }, () =>
      this.#client(address, options.pauseMs ?? 5, options.timeoutMs ?? 10_000),
    );
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Resolves when `count` more requests have been answered. */
  async answered(count: number): Promise<void> {
    const goal = this.result.requests + count;
    while (this.result.requests < goal) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async stop(): Promise<LoadResult> {
    this.#stopping = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
    return this.result;
  }

  async #client(address: string, pauseMs: number, timeoutMs: number): Promise<void> {
    while (!this.#stopping) {
      const startedAt = performance.now();
      const atMs = startedAt - this.#startedAt;
      try {
        const answer = await this.#once(address, timeoutMs);
        this.result.answers.set(answer.key, (this.result.answers.get(answer.key) ?? 0) + 1);
        if (answer.status !== 200) this.result.failures.push({ atMs, what: answer.key });
        else this.result.latenciesMs.push(performance.now() - startedAt);
      } catch (error) {
        this.result.failures.push({ atMs, what: error instanceof Error ? error.message : String(error) });
      }
      this.result.requests++;
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  #once(address: string, timeoutMs: number): Promise<{ status: number; key: string }> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        address,
        { agent: this.#agent, lookup: loopbackLookup, timeout: timeoutMs },
        (incoming) => {
          let body = "";
          incoming.setEncoding("utf8");
          incoming.on("data", (text: string) => {
            body += text;
          });
          incoming.on("error", reject);
          incoming.on("end", () =>
            resolve({ status: incoming.statusCode ?? 0, key: `${incoming.statusCode} ${body.slice(0, 40)}` }),
          );
        },
      );
      outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      outgoing.on("error", reject);
      outgoing.end();
    });
  }
}

/** The value below which `share` (0 to 1) of the samples lie. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
