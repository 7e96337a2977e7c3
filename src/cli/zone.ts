import { callPlatform } from "./api-client.ts";
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

interface Zone {
  id: string;
  name: string;
  created_on: string;
}

/** The largest page of the list. */
const MAX_LISTED = 1000;

export const zone: Command = {
  usage: "zone add|list|remove [NAME]",
  summary: "Makes, lists and removes the domains that routes may be on.",
  details: `  freehold zone add example.com
  freehold zone list
  freehold zone remove example.com

A zone is a domain of your account. Routes and custom domains of Workers are on its names, once they
lead to this machine (DNS records, or lines of /etc/hosts). Removing a zone removes those too.
Talks to the running platform.

${configOptionsHelp}`,
  async run(args, io) {
    const parsed = parseWithConfig(args, {}, { ...io, env: withPlatformHere(io.env) }, true);
    const [action, name, ...rest] = parsed.positionals;
    if (rest.length > 0) throw new UsageError(`Too many arguments: ${rest.join(" ")}`);
    const env = () => readWranglerEnv(parsed.config);
    switch (action) {
      case "add":
        return add(env(), named(name), io);
      case "list":
        return list(env(), io);
      case "remove":
        return remove(env(), named(name), io);
      default:
        throw new UsageError(action ? `There is no "zone ${action}".` : "Say what to do: add, list or remove.");
    }
  },
};

function named(name: string | undefined): string {
  if (!name) throw new UsageError("Say which zone: a domain such as example.com.");
  return name;
}

async function add(env: WranglerEnv, name: string, io: Io): Promise<number> {
  const made = (await callPlatform(env, "POST", "/zones", { name })) as Zone;
  io.out(`${made.name} is a zone (${made.id}). Its names answer here once they lead to this machine.`);
  return 0;
}

async function list(env: WranglerEnv, io: Io): Promise<number> {
  const zones = (await callPlatform(env, "GET", `/zones?per_page=${MAX_LISTED}`)) as Zone[];
  const rows = zones.map(({ id, name, created_on }) => [name, id, created_on.slice(0, 10)]);
  for (const line of table([["NAME", "ID", "CREATED"], ...rows])) io.out(line);
  return 0;
}

async function remove(env: WranglerEnv, name: string, io: Io): Promise<number> {
  const [found] = (await callPlatform(env, "GET", `/zones?name=${encodeURIComponent(name)}`)) as Zone[];
  if (!found) throw new CommandError(`There is no zone ${name} on this account. See: freehold zone list`);
  await callPlatform(env, "DELETE", `/zones/${found.id}`);
  io.out(`Removed ${found.name}, its routes and its custom domains.`);
  return 0;
}
