import { readFileSync } from "node:fs";
import type { Config } from "../domain/config.ts";
import type { PlatformStatus } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import type { RoutingSnapshot } from "../domain/routing.ts";
import { realMachine } from "./doctor/machine.ts";
import { whyNoSandbox } from "./doctor/sandbox.ts";
import { freeholdVersion } from "./version.ts";
import { envLines, readWranglerEnv, type WranglerEnv } from "./wrangler-env.ts";

/** What a person needs once the platform is ready, in at most 12 lines. */
export async function announce(config: Config, status: PlatformStatus): Promise<string[]> {
  const why = status.sandbox === "none" && config.sandbox === "auto" ? await whyNoSandbox(realMachine) : undefined;
  const env = readWranglerEnv(config);
  return announcement({
    version: freeholdVersion(),
    env,
    // Set by systemd for what is kept in its journal.
    tokenFile: process.env.JOURNAL_STREAM === undefined ? undefined : paths(config).wranglerEnv,
    workersUrl: workersUrl(`${readSubdomain(config)}.${config.domain}`, env),
    dataDir: config.dataDir,
    warnings: [...sandboxWarning(config, status, why), ...exposureWarning(config)],
  });
}

/** The lines themselves. Pure. */
export function announcement(facts: {
  version: string;
  env: WranglerEnv;
  /** Where the token is read from, so that none is in a log; undefined: it is shown. */
  tokenFile?: string | undefined;
  workersUrl: string;
  dataDir: string;
  warnings: string[];
}): string[] {
  return [
    `Freehold ${facts.version} is ready. Ctrl-C stops it.`,
    `  API      ${facts.env.CLOUDFLARE_API_BASE_URL}`,
    `  Workers  ${facts.workersUrl}`,
    `  Data     ${facts.dataDir}`,
    "To deploy here with wrangler, set:",
    ...envLines(
      { ...facts.env, ...(facts.tokenFile && { CLOUDFLARE_API_TOKEN: fromFile(facts.tokenFile) }) },
      "  export ",
    ),
    ...facts.warnings.slice(0, 4).map((warning) => `warning: ${warning}`),
  ];
}

/** For a shell. */
function fromFile(path: string): string {
  return `$(sed -n s/^CLOUDFLARE_API_TOKEN=//p '${path.replaceAll("'", "'\\''")}')`;
}

/** Where the account's Workers answer: on the port of the API, which the platform chose when it was to take any. */
export function workersUrl(accountDomain: string, env: Pick<WranglerEnv, "CLOUDFLARE_API_BASE_URL">): string {
  const { port } = new URL(env.CLOUDFLARE_API_BASE_URL);
  return `http://<script>.${accountDomain}${port && `:${port}`}`;
}

/** The first account's label in host names, as the edges know it. */
function readSubdomain(config: Config): string {
  const snapshot = JSON.parse(readFileSync(paths(config).routes, "utf8")) as RoutingSnapshot;
  return snapshot.accounts[0]?.subdomain ?? "<account>";
}

function sandboxWarning(
  config: Config,
  status: PlatformStatus,
  why: { why: string; mend: string } | undefined,
): string[] {
  if (status.sandbox !== "none") return [];
  const reason = config.sandbox === "off" ? "FREEHOLD_SANDBOX is off" : (why?.why ?? "bubblewrap does not work here");
  const mend = config.sandbox === "off" ? "unset it" : (why?.mend ?? "npm run freehold -- doctor says more");
  return [`Workers run without a sandbox: ${reason}. To mend it: ${mend}`];
}

/** Beyond this machine, the API's token would cross the network in clear. */
function exposureWarning(config: Config): string[] {
  const local = config.host === "localhost" || config.host === "::1" || config.host.startsWith("127.");
  return local ? [] : [`anyone who reaches ${config.host} may call the API; send tokens over https only`];
}
