import { Intake } from "../products/analytics/intake.ts";
import { SegmentStore, type SegmentStoreOptions } from "./segment-store.ts";

/** Analytics Engine: takes data points in, and answers SQL over them. */
export class Analytics extends SegmentStore {
  readonly intake: Intake;

  constructor(options: Omit<SegmentStoreOptions, "what" | "hosts" | "log">) {
    const log = (line: string) => console.error(line);
    const intake = new Intake(options.root, { sealed: (accountId) => this.pack(accountId), log });
    super(
      { ...options, what: "data points", hosts: { query: "analytics-query", pack: "analytics-pack" }, log },
      intake.writer,
    );
    this.intake = intake;
  }
}
