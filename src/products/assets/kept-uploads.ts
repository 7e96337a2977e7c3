/** Uploads that made no version and are kept all the same: failed deployments of Pages projects, which can be deployed again. */
import type { Kysely } from "kysely";
import type { Platform } from "../../store/platform.ts";
import type { Database } from "../../store/schema.ts";
import { putAssetBlob, registerBlob } from "./asset-blobs.ts";

/** What the collector reads of one; the rest is its owner's. */
export interface KeptUpload {
  accountId: string;
  /** Key of the table of files. */
  manifest: string;
  /** Keys of further blobs that it needs, which may be those of versions too. */
  blobs: string[];
}

type Parts = Pick<Platform, "db" | "blobs">;

/** Stores what is kept; its key, which must then be named by a row. Until it is, and after, nothing of it is removed for the collector's grace. */
export async function keepUpload(parts: Parts, upload: KeptUpload): Promise<string> {
  for (const key of [upload.manifest, ...upload.blobs]) await registerBlob(parts, key);
  return putAssetBlob(parts, Buffer.from(JSON.stringify(upload)));
}

/** Throws when the blob store has lost it. */
export async function readKeptUpload<T extends KeptUpload>({ blobs }: Pick<Parts, "blobs">, key: string): Promise<T> {
  const bytes = await blobs.get(key);
  if (!bytes) throw new Error(`the blob store has lost the upload ${key}`);
  return JSON.parse(Buffer.from(bytes).toString()) as T;
}

/** Keys of all that are kept. */
export async function keptUploads(db: Kysely<Database>): Promise<string[]> {
  const rows = await db
    .selectFrom("pages_deployments")
    .select("upload")
    .distinct()
    .where("upload", "is not", null)
    .$narrowType<{ upload: string }>()
    .execute();
  return rows.map(({ upload }) => upload);
}
