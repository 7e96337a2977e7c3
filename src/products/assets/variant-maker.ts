import { rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Kysely } from "kysely";
import type { Database } from "../../store/schema.ts";
import { contentPath, draftsPath } from "./content-path.ts";
import { type Encoding, makeVariants } from "./encodings.ts";
import type { ContentStore } from "./store.ts";

/** Contents whose end is noted together: each note is a transaction that goes to disk. */
const NOTED_TOGETHER = 50;

/**
 * Makes the encoded forms of contents that lack them, one content after the other, in the background. What is left is in the
 * database, so a restart goes on where it stopped. Until a form is there, the plain one is served.
 */
export class VariantMaker {
  readonly #store: ContentStore;
  readonly #db: Kysely<Database>;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(store: ContentStore, db: Kysely<Database>) {
    this.#store = store;
    this.#db = db;
  }

  /** Says that there may be new contents. Returns at once. */
  kick(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing is left to do. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Lets the content in work finish, then stops. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        while (!this.#stopped && (await this.#some()));
      } catch (error) {
        console.error("Encoded forms of static assets could not be made:", error);
      }
    }
  }

  /** Works on some contents. False when there are none. */
  async #some(): Promise<boolean> {
    const rows = await this.#db
      .selectFrom("asset_contents")
      .select(["account_id", "hash", "content_type"])
      .where("variants_made", "=", 0)
      .orderBy("created_on")
      .limit(NOTED_TOGETHER)
      .execute();
    const done: typeof rows = [];
    for (const row of rows) {
      if (this.#stopped) break;
      await this.#make(row.account_id, row.hash, row.content_type ?? undefined);
      done.push(row);
    }
    if (done.length === 0) return false;
    await this.#db
      .updateTable("asset_contents")
      .set({ variants_made: 1 })
      .where(({ eb, refTuple, tuple }) =>
        eb(
          refTuple("account_id", "hash"),
          "in",
          done.map(({ account_id, hash }) => tuple(account_id, hash)),
        ),
      )
      .execute();
    return true;
  }

  async #make(accountId: string, hash: string, contentType: string | undefined): Promise<void> {
    const content = await this.#store.read(accountId, hash);
    if (!content) return;
    const variants = await makeVariants(content, contentType);
    for (const [encoding, bytes] of Object.entries(variants) as [Encoding, Buffer][]) {
      const path = contentPath(this.#store.root, accountId, hash, encoding);
      const draft = join(draftsPath(this.#store.root), `${hash}.${basename(path)}`);
      await writeFile(draft, bytes, { mode: 0o600 });
      // Readers see it whole or not at all. Lost in a crash it is only slower.
      await rename(draft, path);
    }
  }
}
