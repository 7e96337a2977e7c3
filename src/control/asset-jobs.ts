import { forgetFailed } from "../pages/failed-deployments.ts";
import { collectAssets } from "../products/assets/collect.ts";
import { assetUploads } from "../products/assets/uploads.ts";
import { VariantMaker } from "../products/assets/variant-maker.ts";
import type { Platform } from "../store/platform.ts";

const COLLECT_MS = 3_600_000;
/** The first collection waits until a start is over. */
const FIRST_COLLECT_MS = 60_000;

/** What static assets need done in the background: encoded forms, and the removal of what nothing names, or not for much longer. */
export class AssetJobs {
  readonly #platform: Platform;
  readonly #maker: VariantMaker;
  #timer: NodeJS.Timeout | undefined;
  #collecting: Promise<void> = Promise.resolve();
  #strays = true;
  #stopped = false;

  constructor(platform: Platform) {
    this.#platform = platform;
    this.#maker = new VariantMaker(assetUploads(platform).store, platform.db);
  }

  /** Call before any upload is taken. */
  async start(): Promise<void> {
    await assetUploads(this.#platform).store.discardDrafts();
    this.#schedule(FIRST_COLLECT_MS);
  }

  /** Says that a version was made, so there may be contents without their encoded forms. */
  versionMade(): void {
    this.#maker.kick();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#maker.stop();
    await this.#collecting;
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#collecting = this.#collect().finally(() => this.#schedule(COLLECT_MS));
    }, delayMs).unref();
  }

  async #collect(): Promise<void> {
    try {
      await forgetFailed(this.#platform.db);
      // Only a crash leaves strays, so once after each start is enough.
      await collectAssets(this.#platform, { strays: this.#strays });
      this.#strays = false;
    } catch (error) {
      console.error("Removing unused static assets failed:", error);
    }
  }
}
