/** For tests and benches: sites on disk as an upload leaves them, without the API. */
import { mkdir, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { SiteRecord } from "../../domain/version.ts";
import { directoryBlobs } from "../../store/blobs.ts";
import { buildManifest } from "./build-manifest.ts";
import { contentPath } from "./content-path.ts";
import { type Encoding, makeVariants } from "./encodings.ts";
import type { AssetFile } from "./manifest-format.ts";
import { hashOf } from "./testing.ts";

export const TEST_ACCOUNT = "a".repeat(32);

export interface DiskFile {
  body: string | Buffer;
  contentType?: string;
}

export interface DiskPlace {
  /** `paths.blobs` and `paths.assets`. */
  blobs: string;
  assets: string;
}

/** Writes contents, table and record; returns the record's key. `variants`: with encoded forms, as some time after an upload. */
export async function writeSite(
  place: DiskPlace,
  files: Record<string, DiskFile | string | Buffer>,
  parts: Partial<SiteRecord> = {},
  variants = true,
): Promise<string> {
  const listed: AssetFile[] = [];
  for (const [path, file] of Object.entries(files)) {
    const { body, contentType } = typeof file === "string" || Buffer.isBuffer(file) ? { body: file } : file;
    const bytes = Buffer.from(body);
    const type = contentType ?? typeOf(path);
    const hash = hashOf(`${bytes.toString("latin1")} ${type}`);
    await writeContent(place, hash, bytes);
    if (variants) await writeContentVariants(place, hash, bytes, type);
    listed.push({ path, hash, size: bytes.length, contentType: type });
  }
  const store = directoryBlobs(place.blobs);
  const record: SiteRecord = {
    accountId: TEST_ACCOUNT,
    manifest: await store.put(buildManifest(listed)),
    htmlHandling: "auto-trailing-slash",
    notFoundHandling: "none",
    runWorkerFirst: false,
    headers: "",
    redirects: "",
    hasWorker: false,
    compatibilityDate: "2026-11-01",
    compatibilityFlags: [],
    mode: "workers",
    ...parts,
  };
  return store.put(Buffer.from(JSON.stringify(record)));
}

async function writeContent(place: DiskPlace, hash: string, bytes: Buffer): Promise<void> {
  const path = contentPath(place.assets, TEST_ACCOUNT, hash);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

/** Makes the encoded forms of a content that is there. */
export async function writeContentVariants(place: DiskPlace, hash: string, bytes: Buffer, type: string): Promise<void> {
  for (const [encoding, encoded] of Object.entries(await makeVariants(bytes, type)) as [Encoding, Buffer][]) {
    await writeFile(contentPath(place.assets, TEST_ACCOUNT, hash, encoding), encoded);
  }
}

/** Loses a content, as a broken disk does. */
export async function loseContent(place: DiskPlace, hash: string): Promise<void> {
  await rm(contentPath(place.assets, TEST_ACCOUNT, hash), { force: true });
}

/** How many files below a directory this process has open. Linux only. */
export async function descriptors(directory: string): Promise<number> {
  const open = await readdir("/proc/self/fd");
  const files = await Promise.all(open.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "")));
  return files.filter((file) => file.startsWith(directory)).length;
}

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  png: "image/png",
};

function typeOf(path: string): string {
  return TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
}
