import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/** Directories are private to the user who runs the platform: they hold secrets and tenants' code. */
const DIRECTORY_MODE = 0o700;

/**
 * Writes a file so that readers see either the old content or the new one, never a part,
 * and so that the new one is on disk when this resolves. Makes missing directories.
 */
export async function writeDurably(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  // A name of its own for each writer: two may write the same path at once.
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await removeFile(temporary);
    throw error;
  }
  await syncDirectory(directory);
}

/** As {@link writeDurably}, unless the file has this content. (Syncing costs tens of milliseconds on a busy disk.) */
export async function updateDurably(path: string, content: string): Promise<void> {
  if ((await readFile(path, "utf8").catch(() => undefined)) !== content) await writeDurably(path, content);
}

/** A file that one writer keeps up to date: most of the time it says already what it should. */
export class KeptFile {
  readonly #path: string;
  /** Undefined: nothing was written since the start, so that a missing file is made. */
  #written: string | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Writes the text durably, unless `meaning`, the part of it that counts, is what was written last. */
  async write(text: string, meaning = text): Promise<void> {
    if (meaning === this.#written) return;
    await writeDurably(this.#path, text);
    this.#written = meaning;
  }
}

/** Removes a file or socket; one that is not there is no error. One system call, where `rm` looks at the file first and retries. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Makes renames, new files and removals in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
