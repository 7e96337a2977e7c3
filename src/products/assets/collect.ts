/** Removes contents, tables and records of static assets that nothing names any more. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { removeFile } from "../../lib/durable-file.ts";
import type { Platform } from "../../store/platform.ts";
import { releaseBlob, removeAssetBlob } from "./asset-blobs.ts";
import { keptUploads, readKeptUpload } from "./kept-uploads.ts";
import { Manifest } from "./manifest.ts";
import { activeSites, aliasedSites, newestSites, sitesServedSince } from "./routed-sites.ts";
import { type ContentStore, pieces } from "./store.ts";
import { assetUploads, readUploadFiles } from "./uploads.ts";
import { readSite } from "./version-site.ts";

type Parts = Pick<Platform, "config" | "db" | "blobs" | "signingKey">;

export interface CollectOptions {
  nowMs?: number;
  /** Nothing younger is removed: an upload may be about to name it. */
  graceMs?: number;
  /** Look for files without a row too, which only a crash leaves. */
  strays?: boolean;
}

export interface Collected {
  contents: number;
  blobs: number;
  strays: number;
}

/** Longer than an upload's tokens live, so that what one made is there when its version is. */
const GRACE_MS = 2 * 3_600_000;
/** Edges may route by a snapshot that is a day old, which names sites for as long. */
const SNAPSHOT_AGE_MS = 25 * 3_600_000;

/**
 * Collects once. Kept is what these name: versions that can be deployed or previewed, active and retained deployments, failed
 * ones that can be tried again, and uploads that may still become versions. Safe beside uploads.
 */
export async function collectAssets(parts: Parts, options: CollectOptions = {}): Promise<Collected> {
  const { nowMs = Date.now(), graceMs = GRACE_MS, strays = false } = options;
  const before = new Date(nowMs - graceMs).toISOString();
  const { store } = assetUploads(parts);
  const marks = new Marks(parts);
  await parts.db.deleteFrom("asset_sessions").where("expires_on", "<", new Date(nowMs).toISOString()).execute();
  await marks.update(nowMs);
  const collected = { contents: 0, blobs: 0, strays: 0 };
  for (const accountId of await accounts(parts)) {
    const candidates = await unnamed(parts, accountId, before, marks);
    for (const some of pieces(candidates)) {
      collected.contents += await store.exclusively(accountId, async () => {
        // Uploads that began meanwhile were told that these contents are there.
        await marks.update(nowMs);
        const gone = some.filter((hash) => !marks.contents(accountId).has(hash));
        await store.remove(accountId, gone);
        return gone.length;
      });
    }
    if (strays) collected.strays += await removeStrays(store, accountId, nowMs - graceMs);
  }
  collected.blobs = await collectBlobs(parts, marks, before);
  return collected;
}

/** Names that must stay, read once each. */
class Marks {
  /** Keys of blobs. */
  readonly blobs = new Set<string>();
  readonly #contents = new Map<string, Set<string>>();
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Hashes of an account. */
  contents(accountId: string): Set<string> {
    const set = this.#contents.get(accountId) ?? new Set();
    this.#contents.set(accountId, set);
    return set;
  }

  /** Adds what is named now. */
  async update(nowMs: number): Promise<void> {
    const { db, config } = this.#parts;
    const since = new Date(nowMs - config.assets.retentionMs - SNAPSHOT_AGE_MS).toISOString();
    const sites = [
      ...(await newestSites(db)),
      ...(await aliasedSites(db)),
      ...(await activeSites(db)),
      ...(await sitesServedSince(db, since)),
    ];
    for (const { site } of sites) await this.#markSite(site);
    for (const key of await keptUploads(db)) await this.#markUpload(key);
    for (const { account_id, manifest } of await db.selectFrom("asset_sessions").selectAll().execute()) {
      await this.#markSession(account_id, manifest);
    }
  }

  async #markSite(key: string): Promise<void> {
    if (this.blobs.has(key)) return;
    const { accountId, manifest } = await readSite(this.#parts, key);
    await this.#markManifest(accountId, manifest);
    this.blobs.add(key);
  }

  async #markUpload(key: string): Promise<void> {
    if (this.blobs.has(key)) return;
    const { accountId, manifest, blobs } = await readKeptUpload(this.#parts, key);
    await this.#markManifest(accountId, manifest);
    for (const blob of [key, ...blobs]) this.blobs.add(blob);
  }

  async #markManifest(accountId: string, manifest: string): Promise<void> {
    const name = `${accountId}/${manifest}`;
    if (this.blobs.has(name)) return;
    const bytes = await this.#parts.blobs.get(manifest);
    if (!bytes) throw new Error(`the blob store has lost the table of assets ${manifest}`);
    const set = this.contents(accountId);
    for (const { hash } of new Manifest(Buffer.from(bytes)).files()) set.add(hash);
    this.blobs.add(name).add(manifest);
  }

  async #markSession(accountId: string, key: string): Promise<void> {
    const name = `${accountId}/${key}`;
    if (this.blobs.has(name)) return;
    const set = this.contents(accountId);
    for (const { hash } of (await readUploadFiles(this.#parts, key)) ?? []) set.add(hash);
    this.blobs.add(name).add(key);
  }
}

async function accounts({ db }: Parts): Promise<string[]> {
  const rows = await db.selectFrom("asset_contents").select("account_id").distinct().execute();
  return rows.map(({ account_id }) => account_id);
}

async function unnamed({ db }: Parts, accountId: string, before: string, marks: Marks): Promise<string[]> {
  const rows = await db
    .selectFrom("asset_contents")
    .select("hash")
    .where("account_id", "=", accountId)
    .where("created_on", "<", before)
    .execute();
  const named = marks.contents(accountId);
  return rows.flatMap(({ hash }) => (named.has(hash) ? [] : [hash]));
}

async function collectBlobs(parts: Parts, marks: Marks, before: string): Promise<number> {
  const rows = await parts.db.selectFrom("asset_blobs").select("key").where("used_on", "<", before).execute();
  const candidates = rows.map(({ key }) => key).filter((key) => !marks.blobs.has(key));
  let removed = 0;
  for (const key of candidates) {
    // Blobs are named by content: a module may have the very same.
    const used = await parts.db
      .selectFrom("versions")
      .select("id")
      .where("record_json", "like", `%${key}%`)
      .limit(1)
      .executeTakeFirst();
    // Of a version that can be neither deployed nor previewed only the assets' own names stand in its record.
    if (used && !(await isAssetBlobOnly(parts, key))) {
      await releaseBlob(parts, key, before);
      continue;
    }
    if (await removeAssetBlob(parts, key, before)) removed++;
  }
  return removed;
}

/** Whether versions name the blob as their site, and in no other way. */
async function isAssetBlobOnly({ db }: Parts, key: string): Promise<boolean> {
  const rows = await db.selectFrom("versions").select("record_json").where("record_json", "like", `%${key}%`).execute();
  return rows.every(({ record_json }) => {
    const { modules, bindings } = JSON.parse(record_json) as { modules: { blob: string }[]; bindings: unknown };
    return !modules.some(({ blob }) => blob === key) && !JSON.stringify(bindings).includes(key);
  });
}

/** Files of contents without a row, older than a time. */
async function removeStrays(store: ContentStore, accountId: string, beforeMs: number): Promise<number> {
  let removed = 0;
  for (const prefix of await names(join(store.root, accountId))) {
    await store.exclusively(accountId, async () => {
      const directory = join(store.root, accountId, prefix);
      const files = await names(directory);
      const hashOf = (file: string) => prefix + file.slice(0, 30);
      const known = await store.find(accountId, [...new Set(files.map(hashOf))]);
      for (const file of files) {
        const path = join(directory, file);
        if (known.has(hashOf(file)) || (await stat(path)).mtimeMs >= beforeMs) continue;
        await removeFile(path);
        removed++;
      }
    });
  }
  return removed;
}

async function names(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
