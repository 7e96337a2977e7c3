import type { ScriptName } from "../domain/messages.ts";
import type { SilentRunner } from "../domain/silent-runners.ts";
import { writeDurably } from "../lib/durable-file.ts";
import { within } from "../lib/within.ts";
import { RENEWAL_PAUSE_MS, TRACE_WAIT_MS } from "./limits.ts";
import type { Runner } from "./runner.ts";
import { keyOf, Tracing } from "./tracing.ts";

export interface RenewalsOptions {
  /** All there are, those that start and those that drain included. */
  runners(): Iterable<Runner>;
  /** Puts another in its place, which reports if it is to. Says why it could not; the runner serves on then. Never rejects. */
  renew(runner: Runner): Promise<string | undefined>;
  /** Where {@link SilentRunner}s are written down, for `freehold doctor`. */
  file: string;
  log(line: string): void;
}

interface Failure {
  silent: SilentRunner;
  /** `performance.now()` time. */
  retryAtMs: number;
}

/**
 * Has runners replaced that do not report their invocations although somebody asks, or do although nobody does. Whatever it
 * watches is not harmed by it: a runner whose successor does not start stays, and is told of.
 */
export class Renewals {
  readonly tracing = new Tracing();
  readonly #options: RenewalsOptions;
  readonly #underWay = new Map<Runner, Promise<void>>();
  readonly #failures = new Map<Runner, Failure>();
  /** What the file says. */
  #told = "[]";
  #writing: Promise<void> = Promise.resolve();

  constructor(options: RenewalsOptions) {
    this.#options = options;
  }

  /** These scripts are observed from now on. Resolves when runners of those that are new report, within {@link TRACE_WAIT_MS}. */
  async observe(scripts: readonly ScriptName[]): Promise<void> {
    const added = this.tracing.observe(scripts);
    await this.#renewAll((key) => added.has(key));
  }

  /** Somebody watches these scripts. The same for `opened`; resolves with those of its runners that do not report. */
  async watch(scripts: readonly ScriptName[], opened?: ScriptName): Promise<SilentRunner[]> {
    this.tracing.watch(scripts);
    const awaited = opened && keyOf(opened);
    await this.#renewAll((key) => key === awaited, true);
    return [...this.#options.runners()].flatMap((runner) => {
      if (keyOf(nameOf(runner)) !== awaited || !this.#isSilent(runner)) return [];
      return this.#failures.get(runner)?.silent ?? silent(runner, "Its successor has not taken its place yet.");
    });
  }

  /** To be called now and then. */
  look(): void {
    for (const runner of this.#failures.keys()) if (!this.#isSilent(runner)) this.#failures.delete(runner);
    this.#keep();
    void this.#renewAll(() => false);
  }

  /** Resolves when nothing is being written any more. */
  async stop(): Promise<void> {
    await this.#writing;
  }

  /** With `insist`, those that are waited for are tried again although that has just failed. */
  async #renewAll(isAwaited: (key: string) => boolean, insist = false): Promise<void> {
    for (const runner of this.#options.runners()) {
      const retry = insist && isAwaited(keyOf(nameOf(runner)));
      if (retry || performance.now() >= (this.#failures.get(runner)?.retryAtMs ?? 0)) this.#begin(runner);
    }
    const awaited = [...this.#underWay].filter(([runner]) => isAwaited(keyOf(nameOf(runner))));
    await within(Promise.all(awaited.map(([, done]) => done)), TRACE_WAIT_MS, undefined);
  }

  #begin(runner: Runner): void {
    const lives = runner.state === "starting" || runner.state === "ready";
    if (!lives || this.#underWay.has(runner) || !this.tracing.isStale(runner)) return;
    const done = this.#options.renew(runner).then((why) => {
      this.#underWay.delete(runner);
      this.#note(runner, why);
    });
    this.#underWay.set(runner, done);
  }

  #note(runner: Runner, why: string | undefined): void {
    const known = this.#failures.get(runner)?.silent;
    if (why === undefined) this.#failures.delete(runner);
    else {
      const found = { ...silent(runner, why), ...(known && { since: known.since }) };
      this.#failures.set(runner, { silent: found, retryAtMs: performance.now() + RENEWAL_PAUSE_MS });
      if (known?.why !== why) this.#options.log(`runner of ${describe(found)} reports nothing and serves on: ${why}`);
    }
    this.#keep();
  }

  /** A successor that is to report no more may fail as well: nobody misses anything then. */
  #isSilent(runner: Runner): boolean {
    return runner.state === "ready" && !runner.plan.traced && this.tracing.isStale(runner);
  }

  #keep(): void {
    const all = [...this.#failures].filter(([runner]) => this.#isSilent(runner)).map(([, failure]) => failure.silent);
    const text = JSON.stringify(all);
    if (text === this.#told) return;
    this.#told = text;
    this.#writing = this.#writing
      .then(() => writeDurably(this.#options.file, text))
      .catch((error: unknown) => this.#options.log(`which runners report nothing could not be written down: ${error}`));
  }
}

function nameOf({ record }: Runner): ScriptName {
  return { accountId: record.accountId, script: record.scriptName };
}

function silent({ record, address }: Runner, why: string): SilentRunner {
  const { accountId, scriptName: script } = record;
  return { accountId, script, versionId: address.versionId, why, since: new Date().toISOString() };
}

function describe({ script, versionId }: SilentRunner): string {
  return `${script} (version ${versionId})`;
}
