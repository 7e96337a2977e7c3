import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseJsonc } from "../lib/jsonc.ts";
import { editJsonc } from "../lib/jsonc-edit.ts";
import { parseToml } from "../lib/toml.ts";
import { editToml } from "../lib/toml-edit.ts";
import { CommandError } from "./command.ts";

/** In the order in which wrangler looks for them. */
const NAMES = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/** A wrangler file. */
export interface ConfigFile {
  name: string;
  /** Empty when there is none. */
  text: string;
  values: Record<string, unknown>;
}

/** The wrangler file of a directory; an empty one to be, when there is none. Throws {@link CommandError} when it cannot be read. */
export function configFile(directory: string): ConfigFile {
  const name = NAMES.find((one) => existsSync(join(directory, one)));
  if (name === undefined) return { name: "wrangler.jsonc", text: "", values: {} };
  const path = join(directory, name);
  const text = readFileSync(path, "utf8");
  try {
    const values = name.endsWith(".toml") ? parseToml(text) : parseJsonc(text);
    if (typeof values !== "object" || values === null || Array.isArray(values)) throw new Error("it is no object");
    return { name, text, values: values as Record<string, unknown> };
  } catch (error) {
    throw new CommandError(`${path} is not valid: ${(error as Error).message}.`);
  }
}

/** The file's text with other values; comments, order and layout of what stays are as they were. */
export function withValues({ name, text }: ConfigFile, values: Record<string, unknown>): string {
  if (name.endsWith(".toml")) return editToml(text, values);
  return editJsonc(text || "{}\n", values);
}
