import { readFile } from "node:fs/promises";
import type { paths } from "../domain/paths.ts";
import type { LaunchRecord } from "../domain/version.ts";

/** What is needed to start a version; undefined: there is none of this id. Throws when it cannot be read. */
export async function readLaunchRecord(
  { launchRecord }: Pick<ReturnType<typeof paths>, "launchRecord">,
  versionId: string,
): Promise<LaunchRecord | undefined> {
  // The id comes from a table of ours, but it becomes part of a path.
  if (!/^[\w-]{1,64}$/.test(versionId)) return undefined;
  try {
    return JSON.parse(await readFile(launchRecord(versionId), "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
