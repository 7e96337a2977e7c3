import type { ExceededInvocation, ExceededRunner } from "../domain/exceeded.ts";
import type { TraceItem } from "../domain/trace.ts";
import { alarmItem, exceededItem, unseenItem } from "./exceeded.ts";
import { MAX_TOLD_OF_RUNNER, MAX_TOLD_RUNNERS, UNSEEN_MS } from "./limits.ts";

/**
 * Reports what ended with runners that exceeded a limit. Whoever sent an invocation there tells of it; of one that
 * nobody sent, such as a message on a WebSocket, there is the end of the runner alone.
 */
export class ExceededRunners {
  readonly #take: (versionId: string, item: TraceItem) => void;
  /** How many invocations each one had that were told of. */
  readonly #told = new Map<string, number>();

  constructor(take: (versionId: string, item: TraceItem) => void) {
    this.#take = take;
  }

  /** One runner may have had many: some are told of. */
  invocation(invocation: ExceededInvocation): void {
    this.#tell(invocation, () => exceededItem(invocation, Date.now()));
  }

  ended(runner: ExceededRunner): void {
    const { alarm } = runner;
    if (alarm) this.#tell(runner, () => alarmItem(runner.cause, alarm, Date.now()));
    const nowMs = Date.now();
    setTimeout(() => {
      if (!this.#told.has(runner.instanceId)) this.#tell(runner, () => unseenItem(runner.cause, nowMs));
    }, UNSEEN_MS).unref();
  }

  #tell({ instanceId, versionId }: Pick<ExceededRunner, "instanceId" | "versionId">, item: () => TraceItem): void {
    const before = this.#told.get(instanceId) ?? 0;
    this.#told.set(instanceId, before + 1);
    const [oldest] = this.#told.keys();
    if (oldest !== undefined && this.#told.size > MAX_TOLD_RUNNERS) this.#told.delete(oldest);
    if (before < MAX_TOLD_OF_RUNNER) this.#take(versionId, item());
  }
}
