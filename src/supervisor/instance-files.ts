import { linkSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { appendFile, copyFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { blobPath } from "../store/blobs.ts";
import type { FileContent, LaunchPlan } from "../workerd/plan.ts";

const CONFIG = "config.capnp";
const SOCKET_POLL_MS = 1;
const SOCKET_TIMEOUT_MS = 2000;

/** Makes an instance directory with the directories that the runner sees. */
export function makeInstance(directory: string): void {
  for (const name of ["", "app", "in", "svc", "empty"]) mkdirSync(join(directory, name), { mode: 0o700 });
}

/** Writes everything that the plan needs into an instance directory. Throws when a blob is missing. */
export async function writeInstance(directory: string, plan: LaunchPlan, blobs: string): Promise<void> {
  // Synchronous on purpose: a handful of calls of microseconds each, on the way of a waiting request.
  const app = join(directory, "app");
  const made = new Set([app]);
  for (const { path, content } of plan.files) {
    const target = join(app, path);
    const parent = dirname(target);
    if (!made.has(parent)) {
      mkdirSync(parent, { recursive: true, mode: 0o700 });
      made.add(parent);
    }
    await writeContent(target, content, blobs);
  }
  writeFileSync(join(app, CONFIG), plan.config, { mode: 0o600 });
}

/** Arguments with which workerd reads the config, given the directory as it sees it. */
export function serveArguments(app: string, plan: LaunchPlan, controlFd: number): string[] {
  return ["serve", join(app, CONFIG), ...plan.arguments, "--control-fd", String(controlFd)];
}

/** The config holds secrets in clear and is read only once. */
export function removeConfig(directory: string): void {
  rmSync(join(directory, "app", CONFIG), { force: true });
}

/**
 * Moves listening sockets out of the directory that the runner may write to, so that it cannot put
 * anything else in their place later. What it put there before is seen by the check afterwards.
 * Throws when a socket does not appear or is something else.
 */
export async function publishSockets(directory: string, names: readonly string[]): Promise<void> {
  const deadline = Date.now() + SOCKET_TIMEOUT_MS;
  for (const name of names) {
    const target = join(directory, name);
    // The debug port listens a moment before or after the others, and its event has no place in the plan.
    while (!tryRename(join(directory, "in", name), target)) {
      if (Date.now() > deadline) throw new Error(`the runtime did not make ${name}`);
      await delay(SOCKET_POLL_MS);
    }
    if (!lstatSync(target).isSocket()) throw new Error(`the runtime made ${name}, but it is no socket`);
  }
}

/** Never rejects: what stays is removed at the next start. */
export async function removeInstance(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true }).catch(() => {});
}

async function writeContent(target: string, content: FileContent, blobs: string): Promise<void> {
  if ("text" in content) writeFileSync(target, content.text, { mode: 0o600 });
  else if ("blob" in content) await linkOrCopy(blobPath(blobs, content.blob), target);
  else {
    await copyFile(blobPath(blobs, content.base), target);
    await appendFile(target, content.suffix);
  }
}

async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    linkSync(source, target);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") throw error;
    // Another file system, or one without links.
    await copyFile(source, target);
  }
}

function tryRename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}
