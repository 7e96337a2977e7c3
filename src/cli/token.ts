import type { Config } from "../domain/config.ts";
import type { Scope } from "../lib/api.ts";
import { permissions } from "../products/s3/keys.ts";
import { callApi } from "./api-client.ts";
import {
  type Command,
  CommandError,
  configOptionsHelp,
  type Io,
  parseWithConfig,
  UsageError,
  withPlatformHere,
} from "./command.ts";
import { table } from "./table.ts";
import { readWranglerEnv, type WranglerEnv } from "./wrangler-env.ts";

/** A live token as the API shows it; `value` only when it was just made. */
interface Token {
  id: string;
  name: string;
  scope: string;
  issued_on: string;
  value?: string;
}

/** An access key of the S3 API; with its secret only when it was just made. */
interface AccessKey {
  id: string;
  name: string;
  permission: string;
  buckets: string[] | null;
  created_on: string;
  secret_access_key?: string;
}

/** The most tokens that an account can have. */
const MAX_LISTED = 1000;

const SCOPES: readonly Scope[] = ["admin", "edit", "read"];

export const token: Command = {
  usage: "token create|list|revoke [options]",
  summary: "Makes, lists and revokes API tokens, and access keys of the S3 API.",
  details: `  freehold token create --name NAME --scope admin|edit|read
  freehold token create --name NAME --r2 PERMISSION [--bucket BUCKET]…
  freehold token list
  freehold token revoke ID

Talks to the running platform.

  --name NAME     what the token is for
  --scope SCOPE   admin: everything; edit: deploy; read: look
  --r2 PERMISSION make an access key for S3 clients: ${permissions.join(", ")}
  --bucket NAME   a bucket that the access key is for (object permissions only; may be given again); none: all
${configOptionsHelp}`,
  async run(args, io) {
    const options = {
      name: { type: "string" },
      scope: { type: "string" },
      r2: { type: "string" },
      bucket: { type: "string", multiple: true },
    } as const;
    const { config, values, positionals } = parseWithConfig(
      args,
      options,
      { ...io, env: withPlatformHere(io.env) },
      true,
    );
    const [action, id, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError(`Too many arguments: ${rest.join(" ")}`);
    switch (action) {
      case "create":
        return values.r2 === undefined ? create(config, values, io) : createKey(config, values, io);
      case "list":
        return list(readWranglerEnv(config), io);
      case "revoke":
        if (!id) throw new UsageError("Say which token: its id as `token list` shows it.");
        return revoke(readWranglerEnv(config), id, io);
      default:
        throw new UsageError(action ? `There is no "token ${action}".` : "Say what to do: create, list or revoke.");
    }
  },
};

interface Choices {
  name?: string;
  scope?: string;
  r2?: string;
  bucket?: string[];
}

async function create(config: Config, { name, scope, bucket }: Choices, io: Io): Promise<number> {
  if (!name) throw new UsageError("--name is missing.");
  if (bucket) throw new UsageError("--bucket is for access keys: add --r2 with a permission.");
  if (!SCOPES.some((known) => known === scope)) throw new UsageError(`--scope must be one of ${SCOPES.join(", ")}.`);
  const made = (await callApi(readWranglerEnv(config), "POST", "/tokens", { name, scope })) as Token;
  // The value alone on standard output, so that scripts can take it.
  io.err(`Token ${made.id} "${name}" (${scope}). It is shown only now:`);
  io.out(made.value ?? "");
  return 0;
}

async function createKey(config: Config, { name, scope, r2, bucket }: Choices, io: Io): Promise<number> {
  if (!name) throw new UsageError("--name is missing.");
  if (scope) throw new UsageError("--scope is for API tokens, --r2 for access keys: give one of them.");
  if (!permissions.some((known) => known === r2))
    throw new UsageError(`--r2 must be one of ${permissions.join(", ")}.`);
  const body = { name, permission: r2, ...(bucket && { buckets: bucket }) };
  const env = readWranglerEnv(config);
  const made = (await callApi(env, "POST", "/r2/access_keys", body)) as AccessKey;
  io.err(`Access key ${made.id} "${name}" (${r2}). Its secret is shown only now:`);
  // As the tools read them from the environment.
  io.out(`AWS_ACCESS_KEY_ID=${made.id}`);
  io.out(`AWS_SECRET_ACCESS_KEY=${made.secret_access_key}`);
  io.out("AWS_REGION=auto");
  io.out(`AWS_ENDPOINT_URL_S3=${endpoint(config, portOf(env))}`);
  return 0;
}

/** The platform may have been started on a port that nobody told this command. */
function portOf({ CLOUDFLARE_API_BASE_URL }: WranglerEnv): number {
  const { port, protocol } = new URL(CLOUDFLARE_API_BASE_URL);
  return Number(port || (protocol === "https:" ? 443 : 80));
}

/** Names under localhost have a certificate that other programs do not know: plain HTTP there, as everything stays on the machine. */
function endpoint({ domain }: Config, port: number): string {
  if (domain === "localhost") return `http://s3.${domain}:${port}`;
  return `https://s3.${domain}${port === 443 ? "" : `:${port}`}`;
}

async function list(env: WranglerEnv, io: Io): Promise<number> {
  const tokens = (await callApi(env, "GET", `/tokens?per_page=${MAX_LISTED}`)) as Token[];
  const keys = (await callApi(env, "GET", `/r2/access_keys?per_page=${MAX_LISTED}`)) as AccessKey[];
  const rows = [
    ...tokens.map(({ id, name, scope, issued_on }) => [id, name, scope, issued_on.slice(0, 10)]),
    ...keys.map(({ id, name, permission, buckets, created_on }) => {
      const of = buckets ? `: ${buckets.join(", ")}` : "";
      return [id, name, `r2 ${permission}${of}`, created_on.slice(0, 10)];
    }),
  ];
  for (const line of table([["ID", "NAME", "SCOPE", "CREATED"], ...rows])) io.out(line);
  return 0;
}

/** Tokens and access keys are told apart by trying: their ids look the same. */
async function revoke(env: WranglerEnv, id: string, io: Io): Promise<number> {
  const path = encodeURIComponent(id);
  try {
    await callApi(env, "DELETE", `/tokens/${path}`);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    await callApi(env, "DELETE", `/r2/access_keys/${path}`).catch(() => {
      throw error;
    });
  }
  io.out(`Revoked ${id}.`);
  return 0;
}
