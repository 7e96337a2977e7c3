/**
 * The upload session the client speaks (wrangler-api.md 2.4): which files of a manifest are missing, and in which requests
 * they come. Pure; tokens are in `token.ts`, storage is the caller's.
 */
import { isObject } from "../../lib/is-object.ts";
import { errors } from "./errors.ts";
import { type AssetLimits, MAX_PATH_CHARS } from "./limits.ts";

/** A file as the client announces it. */
export interface ManifestFile {
  /** Decoded path, starts with `/`. */
  path: string;
  /** 32 hex digits that the client chose; the same for the same content within one account. */
  hash: string;
  /** Bytes of the content. */
  size: number;
}

/** The client's name of a content. */
export const HASH = /^[0-9a-f]{32}$/;

/** Checks the `manifest` of a session request. Throws an `ApiError` that names the first fault. */
export function checkManifest(manifest: unknown, limits: AssetLimits): ManifestFile[] {
  if (!isObject(manifest)) throw errors.badManifest("it must be an object of paths");
  const entries = Object.entries(manifest);
  if (entries.length > limits.files) throw errors.tooManyFiles(entries.length, limits.files);
  const sizes = new Map<string, number>();
  return entries.map(([path, file]: [string, unknown]) => {
    const { hash, size } = fileOf(path, file);
    if (size > limits.fileBytes) throw errors.fileTooLarge(shown(path), size, limits.fileBytes);
    const known = sizes.get(hash);
    if (known !== undefined && known !== size)
      throw errors.badManifest(`${shown(path)} has the hash of a file of another size`);
    sizes.set(hash, size);
    return { path, hash, size };
  });
}

function fileOf(path: string, file: unknown): { hash: string; size: number } {
  if (!path.startsWith("/")) throw errors.badManifest(`the path ${shown(path)} does not start with a slash`);
  if (path.length > MAX_PATH_CHARS)
    throw errors.badManifest(`the path ${shown(path)} is longer than ${MAX_PATH_CHARS} characters`);
  if (path.includes("\0")) throw errors.badManifest(`the path ${shown(path)} has a NUL character`);
  const { hash, size } = (typeof file === "object" && file !== null ? file : {}) as Record<string, unknown>;
  if (typeof hash !== "string" || !HASH.test(hash))
    throw errors.badManifest(`${shown(path)} needs a hash of 32 lower-case hex digits`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw errors.badManifest(`${shown(path)} needs a size in bytes`);
  return { hash, size };
}

function shown(path: string): string {
  return JSON.stringify(path.length > 100 ? `${path.slice(0, 100)}…` : path);
}

/** Each hash once, with its size, where `isStored` says no. */
export function missingFiles(files: readonly ManifestFile[], isStored: (hash: string) => boolean): Map<string, number> {
  const missing = new Map<string, number>();
  for (const { hash, size } of files) if (!missing.has(hash) && !isStored(hash)) missing.set(hash, size);
  return missing;
}

/** The client uploads so many buckets at a time. */
const PARALLEL_UPLOADS = 3;

/** Groups missing files into upload requests, bounded in bytes and in files, and enough of them to fill the client's parallel uploads. */
export function makeBuckets(missing: ReadonlyMap<string, number>, limits: AssetLimits): string[][] {
  const files = [...missing].sort((one, other) => other[1] - one[1]);
  const total = files.reduce((sum, [, size]) => sum + size, 0);
  const bytes = Math.min(limits.bucketBytes, Math.ceil(total / PARALLEL_UPLOADS));
  const count = Math.min(limits.bucketFiles, Math.ceil(files.length / PARALLEL_UPLOADS));
  const buckets: string[][] = [];
  let bucket: string[] = [];
  let filled = 0;
  for (const [hash, size] of files) {
    if (bucket.length > 0 && (bucket.length >= count || filled + size > bytes)) {
      buckets.push(bucket);
      bucket = [];
      filled = 0;
    }
    bucket.push(hash);
    filled += size;
  }
  if (bucket.length > 0) buckets.push(bucket);
  return buckets;
}

/** Extension without dot, as Node's `path.extname` sees it: a leading dot begins no extension. */
export function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot + 1);
}
