import type { PublicationState, SkippedRow } from "../domain/publication.ts";
import { KeptFile } from "../lib/durable-file.ts";

/**
 * What went wrong with publications, for the log and for `freehold doctor`. Each trouble is logged when it comes and when it
 * goes, not with every publication.
 */
export class PublicationLog {
  readonly #file: KeptFile;
  #skipped = new Map<string, SkippedRow>();
  #told = new Map<string, SkippedRow>();
  #failed: PublicationState["failed"];

  constructor(path: string) {
    this.#file = new KeptFile(path);
  }

  /** A publication begins: what is broken is found again. */
  begin(): void {
    this.#skipped = new Map();
  }

  /** A row is left out. */
  skip = (what: string, error: unknown): void => {
    const why = error instanceof Error ? error.message : String(error);
    this.#skipped.set(what, { what, why });
  };

  /** Never rejects, as the disk may be what is wrong; neither does {@link failed}. */
  async succeeded(): Promise<void> {
    this.#failed = undefined;
    await this.#keep();
  }

  async failed(error: unknown): Promise<void> {
    const why = error instanceof Error ? error.message : String(error);
    this.#failed = { why, since: this.#failed?.since ?? new Date().toISOString() };
    await this.#keep();
  }

  async #keep(): Promise<void> {
    for (const { what, why } of this.#skipped.values()) {
      if (this.#told.get(what)?.why !== why) console.error(`NOT PUBLISHED, and left out of what is: ${what}: ${why}`);
    }
    for (const what of this.#told.keys()) {
      if (!this.#skipped.has(what)) console.error(`Published again, or gone: ${what}`);
    }
    this.#told = this.#skipped;
    const state: PublicationState = {
      ...(this.#failed && { failed: this.#failed }),
      skipped: [...this.#told.values()],
    };
    try {
      await this.#file.write(JSON.stringify(state));
    } catch (error) {
      console.error("What is wrong with publications could not be written down:", error);
    }
  }
}
