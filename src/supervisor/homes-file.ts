import { readFileSync } from "node:fs";
import { Homes } from "../domain/homes.ts";

/** The homes as control wrote them last; none when it never did. Throws when the file is damaged. */
export function readHomes(path: string): Homes {
  try {
    return new Homes(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return new Homes();
    throw new Error(`${path} cannot be read (${error instanceof Error ? error.message : error})`);
  }
}
