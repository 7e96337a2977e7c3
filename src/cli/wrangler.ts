import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { readConfig } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import { callApi } from "./api-client.ts";
import { type Command, CommandError, withPlatformHere } from "./command.ts";
import { functionsNote } from "./functions-note.ts";
import { runInTerminal } from "./terminal.ts";
import { readWranglerEnv, type WranglerEnv } from "./wrangler-env.ts";
import { printWarnings, WranglerNotes } from "./wrangler-versions.ts";

/** What npx fetches where the project has no wrangler of its own. */
const WRANGLER_PACKAGE = "wrangler@4";

export const wrangler: Command = {
  usage: "wrangler <arguments>",
  summary: "Runs your wrangler against this platform.",
  details: `All arguments are wrangler's. The project's own wrangler is used when there is one, else npx fetches ${WRANGLER_PACKAGE}.
FREEHOLD_DATA names the data directory of the platform (default ./.freehold).`,
  async run(args, io) {
    const config = readConfig(withPlatformHere(io.env), availableParallelism());
    const env = readWranglerEnv(config);
    // `npm run freehold` starts in the clone; the project is where npm was called.
    if (io.env.npm_lifecycle_event === "freehold" && io.env.INIT_CWD) process.chdir(io.env.INIT_CWD);
    const found = findWrangler(process.cwd());
    const [file, before] = found ? [process.execPath, [found]] : ["npx", ["--yes", WRANGLER_PACKAGE]];
    using notes = new WranglerNotes(io.env);
    const environment = {
      ...wranglerEnvironment(env, config.domain, io.env),
      ...trustedAuthority(paths(config).tls.authority, io.env),
      ...(!found && npmSettings(io.env)),
      ...notes.env,
    };
    const note = functionsNote(process.cwd(), args);
    if (note) io.err(note);
    const code = await runInTerminal(file, [...before, ...args], { env: environment }).catch((error: Error) => {
      const message = `${file} does not start: ${error.message}. Install wrangler in your project: npm i -D wrangler`;
      throw new CommandError(message);
    });
    await printWarnings(notes.versions(), (path) => callApi(env, "GET", path), io);
    return code;
  },
};

/**
 * The script of the wrangler that is installed nearest, looking upward from a directory. Not by `.bin`, which holds
 * shell scripts with some package managers.
 */
export function findWrangler(from: string): string | undefined {
  const directory = join(from, "node_modules", "wrangler");
  const manifest = join(directory, "package.json");
  if (existsSync(manifest)) return join(directory, JSON.parse(readFileSync(manifest, "utf8")).bin.wrangler);
  const parent = dirname(from);
  return parent === from ? undefined : findWrangler(parent);
}

/** The environment for wrangler: where the platform is, no metrics to the original's maker, our view of its output. */
export function wranglerEnvironment(
  env: WranglerEnv,
  domain: string,
  inherited: Record<string, string | undefined>,
): Record<string, string | undefined> {
  const { port } = new URL(env.CLOUDFLARE_API_BASE_URL);
  const hook = new URL("./wrangler-output.ts", import.meta.url).href;
  const { CLOUDFLARE_API_KEY: _key, CLOUDFLARE_EMAIL: _email, ...rest } = inherited;
  return {
    ...rest,
    ...env,
    WRANGLER_SEND_METRICS: "false",
    FREEHOLD_WORKERS_BASE: port ? `${domain}:${port}` : domain,
    NODE_OPTIONS: [inherited.NODE_OPTIONS, `--import="${hook}"`].filter(Boolean).join(" "),
    // wrangler needs a newer Node than the machine may have; ours comes first.
    PATH: [dirname(process.execPath), inherited.PATH].filter(Boolean).join(delimiter),
  };
}

/** Remote development goes over TLS: to wrangler and what it starts, the platform's own certificate is good. */
function trustedAuthority(file: string, inherited: Record<string, string | undefined>): Record<string, string> {
  return inherited.NODE_EXTRA_CA_CERTS || !existsSync(file) ? {} : { NODE_EXTRA_CA_CERTS: file };
}

/**
 * npm looks for the machine's settings (registry, proxy, certificates) beside the Node that runs it, which is ours here:
 * tells it where the npx that is found has them.
 */
export function npmSettings(env: Record<string, string | undefined>): Record<string, string> {
  if (env.npm_config_globalconfig) return {};
  const directory = (env.PATH ?? "").split(delimiter).find((path) => path !== "" && existsSync(join(path, "npx")));
  return directory ? { npm_config_globalconfig: join(dirname(resolve(directory)), "etc", "npmrc") } : {};
}
