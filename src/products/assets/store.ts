import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Kysely } from "kysely";
import { removeFile, syncDirectory } from "../../lib/durable-file.ts";
import { forEachOf } from "../../lib/for-each.ts";
import { KeyedMutex } from "../../lib/keyed-mutex.ts";
import type { AssetContentRow, Database } from "../../store/schema.ts";
import { ContentDraft } from "./content-draft.ts";
import { contentPath, draftsPath } from "./content-path.ts";
import { ENCODINGS, isCompressible } from "./encodings.ts";

/** File system calls at a time. Node runs four at once; more only wait there. */
const PARALLEL_FILES = 8;
/** Values of one `in (…)`. */
const ROWS_PER_QUERY = 1000;

/** What is known of a content on disk. */
export type StoredContent = Pick<AssetContentRow, "size" | "content_type">;

/** A content that was received, and its type. */
export interface Received {
  draft: ContentDraft;
  contentType: string | undefined;
}

/**
 * Contents of static assets, named by account and the client's hash: once for all scripts of an account.
 * A content is there when it has a row; the row is written after the file is on disk.
 */
export class ContentStore {
  readonly root: string;
  readonly #db: Kysely<Database>;
  /**
   * Keeps apart, for one account, what makes contents and what removes them. Control is one process, so this is enough.
   */
  readonly #changes = new KeyedMutex();
  #prepared = new Set<string>();

  constructor(root: string, db: Kysely<Database>) {
    this.root = root;
    this.#db = db;
  }

  /** Runs a task while no content of the account appears or goes. */
  exclusively<Result>(accountId: string, task: () => Promise<Result>): Promise<Result> {
    return this.#changes.run(accountId, task);
  }

  draft(hash: string, size: number): ContentDraft {
    return new ContentDraft(draftsPath(this.root), hash, size);
  }

  /** Makes the account's directories. Call before {@link draft}. */
  async prepare(accountId: string): Promise<void> {
    if (this.#prepared.has(accountId)) return;
    await mkdir(draftsPath(this.root), { recursive: true, mode: 0o700 });
    const directories = Array.from({ length: 256 }, (_, index) =>
      join(this.root, accountId, index.toString(16).padStart(2, "0")),
    );
    await forEachOf(directories, PARALLEL_FILES, (path) => mkdir(path, { recursive: true, mode: 0o700 }));
    await syncDirectory(join(this.root, accountId));
    await syncDirectory(this.root);
    this.#prepared.add(accountId);
  }

  /** Gives finished drafts their names. Contents that are there already stay as they are. Durable when it resolves. */
  async keep(accountId: string, received: Received[]): Promise<void> {
    await this.exclusively(accountId, async () => {
      const known = await this.find(
        accountId,
        received.map(({ draft }) => draft.hash),
      );
      const added = received.filter(({ draft }) => !known.has(draft.hash));
      await forEachOf(added, PARALLEL_FILES, ({ draft }) =>
        rename(draft.path, contentPath(this.root, accountId, draft.hash)),
      );
      const directories = new Set(added.map(({ draft }) => dirname(contentPath(this.root, accountId, draft.hash))));
      await forEachOf([...directories], PARALLEL_FILES, syncDirectory);
      await this.#insert(accountId, added);
      for (const { draft } of received) if (known.has(draft.hash)) await draft.discard();
    });
  }

  async #insert(accountId: string, added: Received[]): Promise<void> {
    const created_on = new Date().toISOString();
    const rows = added.map(({ draft: { hash, size }, contentType }): AssetContentRow => {
      const variants_made = isCompressible(contentType, size) ? 0 : 1;
      return { account_id: accountId, hash, size, content_type: contentType ?? null, created_on, variants_made };
    });
    await this.#db.transaction().execute(async (db) => {
      for (const some of pieces(rows)) await db.insertInto("asset_contents").values(some).execute();
    });
  }

  /** Those of the contents that are there, by hash. */
  async find(accountId: string, hashes: readonly string[]): Promise<Map<string, StoredContent>> {
    const found = new Map<string, StoredContent>();
    for (const some of pieces(hashes)) {
      const rows = await this.#db
        .selectFrom("asset_contents")
        .select(["hash", "size", "content_type"])
        .where("account_id", "=", accountId)
        .where("hash", "in", some)
        .execute();
      for (const { hash, ...content } of rows) found.set(hash, content);
    }
    return found;
  }

  /** The content's bytes; undefined when the file is gone. */
  async read(accountId: string, hash: string): Promise<Buffer | undefined> {
    try {
      return await readFile(contentPath(this.root, accountId, hash));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Removes contents with their encoded forms. Call inside {@link exclusively}. */
  async remove(accountId: string, hashes: readonly string[]): Promise<void> {
    // The row first: a content with a row has a file.
    await this.#db.transaction().execute(async (db) => {
      for (const some of pieces(hashes)) {
        await db.deleteFrom("asset_contents").where("account_id", "=", accountId).where("hash", "in", some).execute();
      }
    });
    await forEachOf(hashes, PARALLEL_FILES, async (hash) => {
      for (const form of ["identity", ...ENCODINGS] as const) {
        await removeFile(contentPath(this.root, accountId, hash, form));
      }
    });
  }

  /** Removes what uploads left behind that a crash cut off. Call before any upload. */
  async discardDrafts(): Promise<void> {
    await rm(draftsPath(this.root), { recursive: true, force: true });
    await mkdir(draftsPath(this.root), { recursive: true, mode: 0o700 });
  }
}

/** An array in pieces that fit one query. */
export function* pieces<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at < items.length; at += ROWS_PER_QUERY) yield items.slice(at, at + ROWS_PER_QUERY);
}
