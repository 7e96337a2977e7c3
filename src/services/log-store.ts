import { LogIntake } from "../observe/logs/intake.ts";
import type { ObservedScripts } from "../observe/observed.ts";
import { SegmentStore, type SegmentStoreOptions } from "./segment-store.ts";

export interface LogStoreOptions extends Omit<SegmentStoreOptions, "what" | "hosts" | "log"> {
  observed: Pick<ObservedScripts, "find">;
}

/** Stored logs: takes invocations in, and answers queries over them. */
export class LogStore extends SegmentStore {
  readonly intake: LogIntake;

  constructor({ observed, ...options }: LogStoreOptions) {
    const log = (line: string) => console.error(line);
    const intake = new LogIntake({
      root: options.root,
      settings: ({ accountId, script }) => observed.find(accountId, script)?.stored,
      sealed: (accountId) => this.pack(accountId),
      log,
    });
    super({ ...options, what: "logs", hosts: { query: "logs-query", pack: "logs-pack" }, log }, intake.writer);
    this.intake = intake;
  }

  override async close(): Promise<void> {
    await this.intake.close();
    await super.close();
  }
}
