import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** A directory of state, and the name by which the runner finds it. */
export interface StateMount {
  name: string;
  /** On the host. */
  directory: string;
}

const STATE_ID = /^[0-9a-f]{32}$/;
const VERSION_ID = /^[\w-]{1,64}$/;

export function isStateId(text: string): boolean {
  return STATE_ID.test(text);
}

/** Makes the directory if need be; it then stays also after a power failure. */
export function makeStateDirectory(directory: string): void {
  const first = mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made)) syncDirectory(dirname(made));
}

/**
 * The file that a runner's process locks for as long as it has the directory. Beside the directory, so that the runner
 * does not see it. Opened for reading only; the lock belongs to the opened file, which the process inherits.
 */
export function openLock(directory: string): number {
  return openSync(lockFile(directory), constants.O_RDONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
}

export function lockFile(directory: string): string {
  return `${directory}.lock`;
}

/** Removes a directory of state, which nobody may have. It is out of sight at once, whatever the rest takes. */
export async function removeStateDirectory(directory: string): Promise<void> {
  const doomed = `${directory}.removed`;
  await rm(doomed, { recursive: true, force: true });
  try {
    renameSync(directory, doomed);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  rmSync(lockFile(directory), { force: true });
  await rm(doomed, { recursive: true, force: true });
}

/** Versions that have preview state. */
export function previewVersions(previewState: string): string[] {
  return namesIn(previewState).filter((name) => VERSION_ID.test(name));
}

/** Ids of the states that the directory of a version's previews holds. */
export function previewStateIds(previewState: string, versionId: string): string[] {
  return namesIn(join(previewState, versionId)).filter(isStateId);
}

/** Removes the directory of a version's previews when nothing is left in it. */
export function removeIfEmpty(previewState: string, versionId: string): void {
  try {
    rmdirSync(join(previewState, versionId));
  } catch {
    // Something is: a runner still has it.
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function syncDirectory(directory: string): void {
  const file = openSync(directory, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
