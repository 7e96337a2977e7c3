import { readFileSync } from "node:fs";
import type { Config } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import { CommandError } from "./command.ts";

/** What wrangler needs to talk to this platform; the content of `wrangler.env`. */
export interface WranglerEnv {
  CLOUDFLARE_API_BASE_URL: string;
  CLOUDFLARE_API_TOKEN: string;
  CLOUDFLARE_ACCOUNT_ID: string;
}

const NAMES = ["CLOUDFLARE_API_BASE_URL", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID"] as const;

/** Reads `wrangler.env` of the data directory. Throws {@link CommandError} when the platform has not written it. */
export function readWranglerEnv(config: Config): WranglerEnv {
  const file = paths(config).wranglerEnv;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new CommandError(
      missing
        ? `There is no ${file}: Freehold has not run with this data directory. Start it first, or name the directory with --data.`
        : `${file} cannot be read: ${(error as Error).message}`,
    );
  }
  const values = parseLines(text);
  const missing = NAMES.filter((name) => !values[name]);
  if (missing.length > 0) {
    throw new CommandError(`${file} lacks ${missing.join(", ")}. Start Freehold again; it writes the file anew.`);
  }
  return values as unknown as WranglerEnv;
}

/** `NAME=value` lines. */
export function envLines(env: WranglerEnv, prefix = ""): string[] {
  return NAMES.map((name) => `${prefix}${name}=${env[name]}`);
}

function parseLines(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line.includes("=") && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}
