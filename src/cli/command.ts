import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { readConfig } from "../domain/config.ts";

/** A command of the `freehold` command line; each stands in a file of its own. */
export interface Command {
  /** What follows `freehold`, such as `env [--export]`. */
  usage: string;
  /** One line for the list of commands. */
  summary: string;
  /** Further lines of `freehold help <command>`. */
  details?: string;
  /** Runs it and resolves with the exit code. */
  run(args: string[], io: Io): Promise<number>;
}

/** What `freehold help <command>` prints. */
export function manual({ usage, summary, details }: Command): string {
  return [`freehold ${usage}`, summary, details].filter(Boolean).join("\n\n");
}

/** What a command needs of the process it runs in; tests give their own. */
export interface Io {
  out(line: string): void;
  err(line: string): void;
  env: Record<string, string | undefined>;
}

/** The command was called wrongly: the message says how; exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** The command cannot do its work: the message says why and what to do; exit code 1. */
export class CommandError extends Error {
  override name = "CommandError";
}

/** Options and the environment variables that they stand for. */
const configVariables = {
  data: "FREEHOLD_DATA",
  port: "FREEHOLD_PORT",
  host: "FREEHOLD_HOST",
  domain: "FREEHOLD_DOMAIN",
} as const;

const configOptions = {
  data: { type: "string" },
  port: { type: "string" },
  host: { type: "string" },
  domain: { type: "string" },
} as const satisfies Record<keyof typeof configVariables, unknown>;

/** Lines about {@link configVariables} for a command's details. */
export const configOptionsHelp = `  --data DIR      data directory (FREEHOLD_DATA, default ./.freehold)
  --port PORT     port of everything (FREEHOLD_PORT, default 8787)
  --host ADDRESS  address to listen on (FREEHOLD_HOST, default 127.0.0.1)
  --domain NAME   base domain of all names (FREEHOLD_DOMAIN, default localhost)`;

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Parses arguments. Throws {@link UsageError} on an unknown option or a missing value. */
export function parse<const O extends Options>(args: string[], options: O, allowPositionals = false) {
  try {
    return parseArgs({ args, options, allowPositionals, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Parses arguments of a command that also takes the configuration as options.
 * Throws {@link UsageError} as {@link parse} does, ConfigError on a bad value.
 */
export function parseWithConfig<const O extends Options>(args: string[], options: O, io: Io, allowPositionals = false) {
  const parsed = parse(args, { ...configOptions, ...options }, allowPositionals);
  const values: { [name: string]: unknown } = parsed.values;
  const env = { ...io.env };
  for (const [name, variable] of Object.entries(configVariables)) {
    if (typeof values[name] === "string") env[variable] = values[name];
  }
  return { ...parsed, config: readConfig(env, availableParallelism()) };
}

/** The directory of package.json. */
const freeholdRoot = fileURLToPath(new URL("../../", import.meta.url));

/**
 * The environment of a command that talks to a platform which is there already: without FREEHOLD_DATA
 * it is the one of this directory, or else the one that `npm start` runs.
 */
export function withPlatformHere(env: Io["env"]): Io["env"] {
  if (env.FREEHOLD_DATA || existsSync(".freehold")) return env;
  const ofClone = `${freeholdRoot}.freehold`;
  return existsSync(ofClone) ? { ...env, FREEHOLD_DATA: ofClone } : env;
}
