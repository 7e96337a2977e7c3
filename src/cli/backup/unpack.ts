import { closeSync, createReadStream, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import { syncDirectory } from "../../lib/durable-file.ts";
import { forEachOf } from "../../lib/for-each.ts";
import { readTar, type TarEntry, TarError } from "../../lib/tar.ts";
import { CommandError } from "../command.ts";
import { BACKUP_FORMAT, type BackupHeader, type BackupManifest, DATA, HEADER, MANIFEST, newHash } from "./format.ts";

/** A manifest of this many bytes lists millions of files. */
const MAX_MANIFEST_BYTES = 500_000_000;
const MAX_HEADER_BYTES = 10_000;
/** Node makes four file system calls at once. */
const PARALLEL_SYNCS = 4;

export interface Unpacked extends BackupHeader {
  files: number;
  bytes: number;
}

/** What was found of one file. */
interface Found {
  size: number;
  sha256: string;
}

/**
 * Unpacks a backup into an empty directory and compares every byte with the manifest. Throws {@link CommandError} when the
 * file is none, is damaged or incomplete, or was written by a Freehold that is too new.
 */
export async function unpack(file: string, directory: string): Promise<Unpacked> {
  try {
    const decompress = createZstdDecompress();
    return await pipeline(createReadStream(file), decompress, (chunks) => unpackTar(readTar(chunks), directory));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    const damaged =
      error instanceof TarError || /^(ZSTD|ERR_ZSTD|Z_)/.test((error as NodeJS.ErrnoException).code ?? "");
    throw new CommandError(
      damaged
        ? `${file} is no backup of Freehold, or is damaged or incomplete (${why}). Nothing was restored.`
        : `Nothing was restored: ${why}`,
    );
  }
}

async function unpackTar(entries: AsyncIterable<TarEntry>, directory: string): Promise<Unpacked> {
  const found = new Map<string, Found>();
  const directories = new Set([directory]);
  let header: BackupHeader | undefined;
  let manifest: BackupManifest | undefined;
  for await (const entry of entries) {
    if (!header) {
      if (entry.name !== HEADER) throw new TarError("its first file is another");
      header = checkHeader(JSON.parse(await textOf(entry, MAX_HEADER_BYTES)));
    } else if (entry.name === MANIFEST) {
      manifest = JSON.parse(await textOf(entry, MAX_MANIFEST_BYTES)) as BackupManifest;
    } else {
      const path = dataPath(entry.name);
      if (found.has(path) || manifest) throw new TarError(`${path} is in it where it should not be`);
      found.set(path, await write(entry, join(directory, path), directories));
    }
  }
  if (!header || !manifest) throw new TarError("it has no manifest");
  compare(manifest, found);
  // All at the end: most are on disk by then, and the file system notes many in one go.
  await forEachOf(
    [...found.keys()].map((path) => join(directory, path)),
    PARALLEL_SYNCS,
    syncDirectory,
  );
  await forEachOf([...directories], PARALLEL_SYNCS, syncDirectory);
  const bytes = manifest.files.reduce((sum, { size }) => sum + size, 0);
  return { ...header, files: found.size, bytes };
}

function checkHeader(header: BackupHeader): BackupHeader {
  if (!Number.isInteger(header.format)) throw new TarError("it does not say its format");
  if (header.format <= BACKUP_FORMAT) return header;
  throw new CommandError(
    `This backup is of format ${header.format}, written by Freehold ${header.freehold}; this one reads up to format ${BACKUP_FORMAT}. ` +
      `Restore it with Freehold ${header.freehold} or later.`,
  );
}

/** Where a file belongs in the data directory. Throws on a name that leads out of it. */
function dataPath(name: string): string {
  const path = name.startsWith(DATA) ? name.slice(DATA.length) : "";
  if (path.split("/").some((segment) => segment === "" || segment === "." || segment === "..") || path.includes("\0")) {
    throw new TarError(`it holds a file of the name ${JSON.stringify(name)}`);
  }
  return path;
}

async function write(entry: TarEntry, path: string, directories: Set<string>): Promise<Found> {
  makeDirectories(dirname(path), directories);
  const hash = newHash();
  const descriptor = openSync(path, "wx", (entry.mode & 0o700) | 0o600);
  try {
    for await (const chunk of entry.content()) {
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at);
    }
  } finally {
    closeSync(descriptor);
  }
  return { size: entry.size, sha256: hash.digest("hex") };
}

function makeDirectories(path: string, made: Set<string>): void {
  if (made.has(path)) return;
  makeDirectories(dirname(path), made);
  mkdirSync(path, { mode: 0o700 });
  made.add(path);
}

function compare(manifest: BackupManifest, found: Map<string, Found>): void {
  for (const { path, size, sha256 } of manifest.files) {
    const file = found.get(path);
    if (!file) throw new TarError(`${path} is missing`);
    if (file.size !== size || file.sha256 !== sha256) throw new TarError(`${path} is not what it was`);
  }
  if (manifest.files.length !== found.size) throw new TarError("it holds files that its manifest does not list");
}

async function textOf(entry: TarEntry, maxBytes: number): Promise<string> {
  if (entry.size > maxBytes) throw new TarError(`${entry.name} is too large`);
  const chunks: Buffer[] = [];
  for await (const chunk of entry.content()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}
