import { paths } from "../../domain/paths.ts";
import type { Platform } from "../../store/platform.ts";
import { putAssetBlob } from "./asset-blobs.ts";
import { errors } from "./errors.ts";
import { type AssetLimits, DEFAULT_LIMITS } from "./limits.ts";
import { ContentStore } from "./store.ts";
import { signToken, type TokenClaims, verifyToken } from "./token.ts";
import { checkManifest, type ManifestFile, makeBuckets, missingFiles } from "./upload-session.ts";

/** A session outlives its tokens, so that a version whose token was still good is made in time. */
const SESSION_MARGIN_MS = 3_600_000;
/** Sessions whose files are kept in memory between two upload requests; others are read again. */
const MAX_OPEN_SESSIONS = 4;

type Parts = Pick<Platform, "config" | "db" | "blobs" | "signingKey">;

/** What the client is told at the start. Empty `buckets`: nothing is missing, and `jwt` is the completion token. */
export interface StartedUpload {
  jwt: string;
  buckets: string[][];
}

/** An upload that runs. */
export interface OpenUpload {
  claims: TokenClaims;
  /** By hash; the path is one of those that have it. */
  files: Map<string, { size: number; path: string }>;
  /** Hashes whose content is not there yet. */
  missing: Set<string>;
}

/** Upload sessions (wrangler-api.md 2.4), and what they are made of. One for each platform. */
export class AssetUploads {
  readonly store: ContentStore;
  readonly limits: AssetLimits;
  readonly #parts: Parts;
  readonly #key: Buffer;
  readonly #open = new Map<string, { upload: Promise<Omit<OpenUpload, "claims">>; users: number }>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#key = parts.signingKey("assets upload");
    this.store = new ContentStore(paths(parts.config).assets, parts.db);
    const { maxFiles, maxFileBytes } = parts.config.assets;
    this.limits = { ...DEFAULT_LIMITS, files: maxFiles, fileBytes: maxFileBytes };
  }

  /** Begins an upload, of a script that need not exist. Errors: 10021, 10304. */
  async start(accountId: string, scriptName: string, manifest: unknown): Promise<StartedUpload> {
    const files = checkManifest(manifest, this.limits);
    const { key, result: missing } = await this.holding(accountId, files, () => this.#missing(accountId, files));
    // What is known of an earlier upload of the same files may be out of date.
    const name = `${accountId}/${key}`;
    if (this.#open.get(name)?.users === 0) this.#open.delete(name);
    const claims = { accountId, scriptName, manifest: key };
    if (missing.size === 0) return { jwt: this.#sign({ ...claims, purpose: "completion" }), buckets: [] };
    return { jwt: this.#sign({ ...claims, purpose: "upload" }), buckets: makeBuckets(missing, this.limits) };
  }

  /** Runs a task; from its beginning on the collector spares these contents, which need not be there yet, as long as an upload may take. */
  async holding<Result>(
    accountId: string,
    files: ManifestFile[],
    task: () => Promise<Result>,
  ): Promise<{ key: string; result: Result }> {
    const key = await putAssetBlob(this.#parts, Buffer.from(JSON.stringify(files.map(fileRow).sort(byPath))));
    const result = await this.store.exclusively(accountId, async () => {
      await this.#extend(accountId, key);
      return task();
    });
    return { key, result };
  }

  /** Runs a task with the upload that the token opens. Errors: 10305. */
  async use<Result>(accountId: string, token: string, task: (upload: OpenUpload) => Promise<Result>): Promise<Result> {
    const claims = verifyToken(this.#key, token, { purpose: "upload", accountId }, Date.now());
    const name = `${accountId}/${claims.manifest}`;
    const open = this.#open.get(name) ?? { upload: this.#load(claims), users: 0 };
    this.#open.set(name, open);
    open.users++;
    try {
      return await task({ claims, ...(await open.upload) });
    } finally {
      open.users--;
      this.#forget();
    }
  }

  /** The completion token, once nothing is missing; undefined before. */
  async complete({ claims, missing }: OpenUpload): Promise<string | undefined> {
    if (missing.size > 0) return undefined;
    await this.#extend(claims.accountId, claims.manifest);
    return this.#sign({ ...claims, purpose: "completion" });
  }

  /** The files that a completion token stands for. It may be redeemed again until it expires. Errors: 10305. */
  async redeem(accountId: string, scriptName: string, token: string): Promise<ManifestFile[]> {
    const wish = { purpose: "completion", accountId, scriptName } as const;
    const { manifest } = verifyToken(this.#key, token, wish, Date.now());
    const files = await readUploadFiles(this.#parts, manifest);
    if (!files) throw errors.badToken("its upload is no longer known");
    return files;
  }

  #sign(claims: TokenClaims): string {
    return signToken(this.#key, claims, Date.now(), this.limits.tokenLifeSeconds);
  }

  async #extend(accountId: string, manifest: string): Promise<void> {
    const expires_on = new Date(Date.now() + this.limits.tokenLifeSeconds * 1000 + SESSION_MARGIN_MS).toISOString();
    await this.#parts.db
      .insertInto("asset_sessions")
      .values({ account_id: accountId, manifest, expires_on })
      .onConflict((conflict) => conflict.columns(["account_id", "manifest"]).doUpdateSet({ expires_on }))
      .execute();
  }

  async #missing(accountId: string, files: ManifestFile[]): Promise<Map<string, number>> {
    const stored = await this.store.find(accountId, [...new Set(files.map(({ hash }) => hash))]);
    for (const { path, hash, size } of files) {
      const known = stored.get(hash);
      if (known && known.size !== size)
        throw errors.badManifest(`${JSON.stringify(path.slice(0, 100))} has the hash of a stored file of another size`);
    }
    return missingFiles(files, (hash) => stored.has(hash));
  }

  async #load({ accountId, manifest }: TokenClaims): Promise<Omit<OpenUpload, "claims">> {
    const files = await readUploadFiles(this.#parts, manifest);
    if (!files) throw errors.badToken("its upload is no longer known");
    await this.store.prepare(accountId);
    const missing = new Set((await this.#missing(accountId, files)).keys());
    return { files: new Map(files.map(({ hash, size, path }) => [hash, { size, path }])), missing };
  }

  /** Lets go of the oldest sessions; those in use stay, since their requests must see each other's progress. */
  #forget(): void {
    for (const [name, { users }] of this.#open) {
      if (this.#open.size <= MAX_OPEN_SESSIONS) return;
      if (users === 0) this.#open.delete(name);
    }
  }
}

type FileRow = [path: string, hash: string, size: number];

function fileRow({ path, hash, size }: ManifestFile): FileRow {
  return [path, hash, size];
}

function byPath([one]: FileRow, [other]: FileRow): number {
  return one < other ? -1 : 1;
}

/** The files that an upload announced, by path; undefined when they are forgotten. */
export async function readUploadFiles(
  { blobs }: Pick<Platform, "blobs">,
  key: string,
): Promise<ManifestFile[] | undefined> {
  const bytes = await blobs.get(key);
  if (!bytes) return undefined;
  const rows = JSON.parse(Buffer.from(bytes).toString()) as FileRow[];
  return rows.map(([path, hash, size]) => ({ path, hash, size }));
}

/** Handlers get a new platform object for each call, but the database is always the same. */
const known = new WeakMap<Platform["db"], AssetUploads>();

export function assetUploads(parts: Parts): AssetUploads {
  let uploads = known.get(parts.db);
  if (!uploads) {
    uploads = new AssetUploads(parts);
    known.set(parts.db, uploads);
  }
  return uploads;
}
