import type { Scope } from "../lib/api.ts";
import { callApi } from "./api-client.ts";
import { type Command, configOptionsHelp, type Io, parseWithConfig, UsageError, withPlatformHere } from "./command.ts";
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

/** The most tokens that an account can have. */
const MAX_LISTED = 1000;

const SCOPES: readonly Scope[] = ["admin", "edit", "read"];

export const token: Command = {
  usage: "token create|list|revoke [options]",
  summary: "Makes, lists and revokes API tokens.",
  details: `  freehold token create --name NAME --scope admin|edit|read
  freehold token list
  freehold token revoke ID

Talks to the running platform.

  --name NAME     what the token is for
  --scope SCOPE   admin: everything; edit: deploy; read: look
${configOptionsHelp}`,
  async run(args, io) {
    const options = { name: { type: "string" }, scope: { type: "string" } } as const;
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
        return create(readWranglerEnv(config), values, io);
      case "list":
        return list(readWranglerEnv(config), io);
      case "revoke":
        if (!id) throw new UsageError("Say which token: its id as `token list` shows it.");
        await callApi(readWranglerEnv(config), "DELETE", `/tokens/${encodeURIComponent(id)}`);
        io.out(`Revoked ${id}.`);
        return 0;
      default:
        throw new UsageError(action ? `There is no "token ${action}".` : "Say what to do: create, list or revoke.");
    }
  },
};

async function create(env: WranglerEnv, values: { name?: string; scope?: string }, io: Io): Promise<number> {
  const { name, scope } = values;
  if (!name) throw new UsageError("--name is missing.");
  if (!SCOPES.some((known) => known === scope)) throw new UsageError(`--scope must be one of ${SCOPES.join(", ")}.`);
  const made = (await callApi(env, "POST", "/tokens", { name, scope })) as Token;
  // The value alone on standard output, so that scripts can take it.
  io.err(`Token ${made.id} "${name}" (${scope}). It is shown only now:`);
  io.out(made.value ?? "");
  return 0;
}

async function list(env: WranglerEnv, io: Io): Promise<number> {
  const tokens = (await callApi(env, "GET", `/tokens?per_page=${MAX_LISTED}`)) as Token[];
  const rows = tokens.map(({ id, name, scope, issued_on }) => [id, name, scope, issued_on.slice(0, 10)]);
  for (const line of table([["ID", "NAME", "SCOPE", "CREATED"], ...rows])) io.out(line);
  return 0;
}
