import * as limits from "./limits.ts";
import { MapReader, type MapReaderOptions } from "./map-reader.ts";
import type { MappingRequest } from "./reader-process.ts";

interface Waiting {
  request: MappingRequest;
  answer: PromiseWithResolvers<string[]>;
}

/** One account's process, if it has one now, and what waits for it. */
interface Lane {
  waiting: Waiting[];
  reader?: MapReader | undefined;
  /** When it got the process; `performance.now()` time. */
  sinceMs: number;
  busy: boolean;
  idle?: NodeJS.Timeout;
}

/**
 * Processes that read maps, each for one account as long as it needs it: whoever has maps that take all time and memory there
 * are has them at its own expense. Where more accounts have stacks than there may be processes, they take turns.
 */
export class MapReaders {
  readonly #options: MapReaderOptions;
  /** Those that have waited longest come first. */
  readonly #lanes = new Map<string, Lane>();
  #closed = false;

  constructor(options: MapReaderOptions) {
    this.#options = options;
  }

  /** The stacks, mapped; as they are when too many of the account wait. Throws why they cannot be. */
  map(accountId: string, request: MappingRequest): Promise<string[]> {
    const lane = this.#lanes.get(accountId) ?? { waiting: [], sinceMs: 0, busy: false };
    if (this.#closed || lane.waiting.length >= limits.MAX_WAITING) return Promise.resolve(request.stacks);
    this.#lanes.set(accountId, lane);
    const answer = Promise.withResolvers<string[]>();
    lane.waiting.push({ request, answer });
    this.#advance();
    return answer.promise;
  }

  /** Ends all processes, for good. What waits comes back as it is. */
  close(): void {
    this.#closed = true;
    for (const lane of this.#lanes.values()) {
      for (const { request, answer } of lane.waiting.splice(0)) answer.resolve(request.stacks);
      this.#give(lane);
    }
  }

  /** Has all work that have something to do and a process. */
  #advance(): void {
    for (const [accountId, lane] of this.#lanes) {
      if (lane.busy || lane.waiting.length === 0 || !(lane.reader || this.#makeRoom())) continue;
      void this.#work(accountId, lane);
    }
  }

  async #work(accountId: string, lane: Lane): Promise<void> {
    lane.busy = true;
    clearTimeout(lane.idle);
    if (!lane.reader) lane.sinceMs = performance.now();
    for (let next = lane.waiting.shift(); next; next = this.#isItsTurn(lane) ? lane.waiting.shift() : undefined) {
      lane.reader ??= new MapReader(this.#options);
      const { request, answer } = next;
      try {
        answer.resolve(await lane.reader.ask(request));
      } catch (error) {
        this.#give(lane);
        if (this.#closed) answer.resolve(request.stacks);
        else for (const { answer } of [next, ...takeOfSameMaps(lane, request)]) answer.reject(error);
      }
    }
    lane.busy = false;
    // To the end of the line.
    this.#lanes.delete(accountId);
    this.#lanes.set(accountId, lane);
    if (lane.waiting.length > 0) this.#give(lane);
    else lane.idle = setTimeout(() => this.#forget(accountId, lane), limits.IDLE_MS).unref();
    this.#advance();
  }

  /** It may go on: nobody waits for a process, or it has not had its own for long. */
  #isItsTurn({ sinceMs }: Lane): boolean {
    if (performance.now() - sinceMs < limits.TURN_MS) return true;
    return ![...this.#lanes.values()].some(({ reader, waiting }) => !reader && waiting.length > 0);
  }

  /** Ends the process of an account that does not use it, if need be. False: all are used. */
  #makeRoom(): boolean {
    const lanes = [...this.#lanes.values()];
    if (lanes.filter(({ reader, busy }) => reader || busy).length < limits.MAX_READERS) return true;
    const idle = lanes.find(({ reader, busy }) => reader && !busy);
    if (idle) this.#give(idle);
    return idle !== undefined;
  }

  #give(lane: Lane): void {
    lane.reader?.close();
    lane.reader = undefined;
  }

  #forget(accountId: string, lane: Lane): void {
    this.#give(lane);
    this.#lanes.delete(accountId);
  }
}

/** What else waits for maps that cannot be used. */
function takeOfSameMaps(lane: Lane, { files }: MappingRequest): Waiting[] {
  const { same = [], others = [] } = Object.groupBy(lane.waiting, ({ request }) =>
    request.files === files ? "same" : "others",
  );
  lane.waiting = others;
  return same;
}
