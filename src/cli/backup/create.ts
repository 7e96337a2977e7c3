import { createWriteStream, existsSync, statSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import { removeFile, syncDirectory } from "../../lib/durable-file.ts";
import { CommandError } from "../command.ts";
import { freeholdVersion } from "../version.ts";
import { ArchiveWriter } from "./archive.ts";
import { ALARMS, type DataFiles, dataFiles } from "./data-files.ts";
import { BACKUP_FORMAT, type BackupHeader, HEADER, MANIFEST } from "./format.ts";
import { addAlarms, copySqlite, holdContents, holdD1, isSqlite } from "./sqlite-copy.ts";

export interface CreatedBackup {
  file: string;
  files: number;
  /** Of the files. */
  bytes: number;
  /** Of the backup. */
  size: number;
}

/**
 * Writes a backup of a data directory, whether a platform runs on it or not. Beside the file it needs room for the largest
 * database in it. Throws {@link CommandError} with the reason, and leaves nothing behind.
 */
export async function createBackup(dataDir: string, file: string, signal?: AbortSignal): Promise<CreatedBackup> {
  const files = dataFiles(dataDir);
  if (!existsSync(join(dataDir, files.database))) {
    throw new CommandError(`${dataDir} holds no platform. Set FREEHOLD_DATA, or --data, to the directory of one.`);
  }
  refuseTarget(dataDir, file);
  const partial = `${file}.partial`;
  const copy = `${file}.partial.db`;
  try {
    const copied = await writeArchive(dataDir, files, { partial, copy }, signal);
    await syncFile(partial);
    await rename(partial, file);
    await syncDirectory(dirname(file));
    return { file, ...copied, size: statSync(file).size };
  } catch (error) {
    if (signal?.aborted) throw new CommandError("Stopped; no backup was written.");
    throw new CommandError(`No backup was written: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await removeFile(partial);
    for (const path of [copy, `${copy}.alarms`]) {
      for (const suffix of ["", "-wal", "-shm", "-journal"]) await removeFile(path + suffix);
    }
  }
}

function refuseTarget(dataDir: string, file: string): void {
  if (existsSync(file)) throw new CommandError(`${file} exists already. Give another name, or remove it first.`);
  if (!existsSync(dirname(file))) throw new CommandError(`There is no directory ${dirname(file)}.`);
  if (!relative(dataDir, resolve(file)).startsWith("..")) {
    throw new CommandError(
      `${file} is in the data directory itself: a backup belongs elsewhere, best on another disk.`,
    );
  }
}

async function writeArchive(
  dataDir: string,
  files: DataFiles,
  { partial, copy }: { partial: string; copy: string },
  signal: AbortSignal | undefined,
): Promise<{ files: number; bytes: number }> {
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  const written = pipeline(compress, createWriteStream(partial, { mode: 0o600 }), { signal });
  const failed = written.then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  const archive = new ArchiveWriter(compress);
  const header: BackupHeader = {
    format: BACKUP_FORMAT,
    freehold: freeholdVersion(),
    createdOn: new Date().toISOString(),
  };
  await Promise.race([failed, fill(archive, header, dataDir, files, copy, signal)]);
  await written;
  return { files: archive.files.length, bytes: archive.files.reduce((sum, { size }) => sum + size, 0) };
}

/**
 * The order makes it consistent: what the database names was there before it was named, and goes only after it is named no
 * more. So the files that are there at first, then the database, then the files that came meanwhile are all it names.
 */
async function fill(
  archive: ArchiveWriter,
  header: BackupHeader,
  dataDir: string,
  files: DataFiles,
  copy: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const done = new Set<string>();
  const add = async (path: string) => {
    signal?.throwIfAborted();
    if (done.has(path)) return;
    if (await addFile(archive, path, join(dataDir, path), copy)) done.add(path);
  };
  const addAll = async () => {
    for (const path of files.contents()) await add(path);
    for (const path of files.databases()) {
      if (!done.has(path) && (await addD1(archive, dataDir, path, files))) done.add(path);
    }
    for (const path of files.namespaces()) {
      if (done.has(path)) continue;
      await addNamespace(archive, dataDir, path, files, copy, signal);
      done.add(path);
    }
    for (const path of files.rest()) await add(path);
  };
  await archive.addText(HEADER, JSON.stringify(header));
  const held = [files.kv, files.r2].map((store) => holdContents(join(dataDir, store)));
  try {
    await addAll();
    await add(files.database);
    await addAll();
    for (const path of files.dataPoints()) await add(path);
  } finally {
    for (const lock of held) lock?.close();
  }
  await archive.addText(MANIFEST, JSON.stringify({ ...header, files: archive.files }));
  await archive.end();
}

/**
 * A D1 database's file, log and history belong together, so they are copied as they are, while nobody moves pages from one
 * to the other: queries go on, and the log grows. False when it was removed meanwhile.
 */
async function addD1(archive: ArchiveWriter, dataDir: string, path: string, files: DataFiles): Promise<boolean> {
  const held = holdD1(join(dataDir, path));
  if (!held) return false;
  try {
    for (const file of files.ofDatabase(path)) await archive.addFile(file, join(dataDir, file));
    return true;
  } finally {
    held.close();
  }
}

/**
 * Each object is copied as of its own moment, and its alarm stands in another file, which the runtime keeps at or before the
 * time that the object itself knows. So the alarms of the first moment and those of the last are put together: one
 * too many is dropped by the runtime, one too few would be lost.
 */
async function addNamespace(
  archive: ArchiveWriter,
  dataDir: string,
  path: string,
  files: DataFiles,
  copy: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const alarms = join(dataDir, path, ALARMS);
  const early = `${copy}.alarms`;
  const known = await copyAlarms(alarms, early);
  for (const file of files.ofNamespace(path)) {
    signal?.throwIfAborted();
    const merge = known && file === `${path}/${ALARMS}` ? (target: string) => addAlarms(target, early) : undefined;
    await addFile(archive, file, join(dataDir, file), copy, merge);
  }
}

/** False when there are none, or the namespace was removed meanwhile. */
async function copyAlarms(alarms: string, to: string): Promise<boolean> {
  try {
    if (!existsSync(alarms) || !isSqlite(alarms)) return false;
    await copySqlite(alarms, to);
    return true;
  } catch (error) {
    if (!existsSync(alarms)) return false;
    throw error;
  }
}

/** False when the file was removed meanwhile, by whoever it belongs to. */
async function addFile(
  archive: ArchiveWriter,
  path: string,
  source: string,
  copy: string,
  change?: (copy: string) => void,
): Promise<boolean> {
  let isDatabase: boolean;
  try {
    isDatabase = isSqlite(source);
    if (isDatabase) await copySqlite(source, copy);
    if (isDatabase) change?.(copy);
  } catch (error) {
    if (!existsSync(source)) return false;
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return archive.addFile(path, isDatabase ? copy : source);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  await file.sync().finally(() => file.close());
}
