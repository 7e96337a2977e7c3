import { chmodSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Config, ConfigError } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import { removeInstance } from "./instance-files.ts";
import { endLeftovers } from "./process-list.ts";

/**
 * Makes the directories ready for a start: ends processes that a killed supervisor left, and removes its sockets.
 * Only for who holds the directory's lock. Returns the number of processes ended.
 */
export async function recover(config: Config): Promise<number> {
  const ended = await endLeftovers(paths(config).runnerPids, config.runDir);
  makeRunDirectory(config.runDir);
  await Promise.all(readdirSync(config.runDir).map((name) => removeInstance(join(config.runDir, name))));
  return ended;
}

/** Sockets in there are doors to every Worker and to the control process: it is this user's alone. */
function makeRunDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // It may be below a directory that all users write to, and may have been there.
  const found = lstatSync(directory);
  if (!found.isDirectory() || (process.getuid !== undefined && found.uid !== process.getuid())) {
    throw new ConfigError(
      `${directory} is not a directory of this user. Remove it, or set FREEHOLD_DATA to a shorter path.`,
    );
  }
  if ((found.mode & 0o077) !== 0) chmodSync(directory, 0o700);
}
