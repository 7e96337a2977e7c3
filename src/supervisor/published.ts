import { readFileSync } from "node:fs";
import { Homes, type HomesSnapshot } from "../domain/homes.ts";
import type { ObservedScript, ObservedSnapshot } from "../domain/trace.ts";

/** The homes as control wrote them last; none when it never did. Throws when the file is damaged. */
export function readHomes(path: string): Homes {
  const snapshot = readSnapshot(path);
  return snapshot === undefined ? new Homes() : new Homes(snapshot as HomesSnapshot);
}

/** The observed scripts as control wrote them last; none when it never did. Throws when the file is damaged. */
export function readObserved(path: string): ObservedScript[] {
  return (readSnapshot(path) as ObservedSnapshot | undefined)?.scripts ?? [];
}

function readSnapshot(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new Error(`${path} cannot be read (${error instanceof Error ? error.message : error})`);
  }
}
