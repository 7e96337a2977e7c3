import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseJsonc } from "../lib/jsonc.ts";
import { CommandError } from "./command.ts";

/** In the order in which wrangler looks for them. Its third form, TOML, is not read here. */
const NAMES = ["wrangler.json", "wrangler.jsonc"];

/** A wrangler file. */
export interface ConfigFile {
  name: string;
  values: Record<string, unknown>;
}

/** The wrangler file of a directory; an empty one to be, when there is none in JSON. Throws {@link CommandError} when it cannot be read. */
export function configFile(directory: string): ConfigFile {
  const name = NAMES.find((one) => existsSync(join(directory, one)));
  if (name === undefined) return { name: "wrangler.jsonc", values: {} };
  const path = join(directory, name);
  try {
    return { name, values: parseJsonc(readFileSync(path, "utf8")) as Record<string, unknown> };
  } catch (error) {
    throw new CommandError(`${path} is not valid: ${(error as Error).message}.`);
  }
}
