import { callApi } from "./api-client.ts";
import {
  type Command,
  CommandError,
  configOptionsHelp,
  parseWithConfig,
  UsageError,
  withPlatformHere,
} from "./command.ts";
import { readWranglerEnv } from "./wrangler-env.ts";

interface AccessLink {
  token: string;
  url: string | null;
  expires_on: string;
}

export const access: Command = {
  usage: "access WORKER [options]",
  summary: "Makes a link that opens a Worker's protected addresses.",
  details: `  freehold access WORKER [--preview NAME] [--path PATH] [--minutes N] [--token]
  freehold access WORKER --end-all

Talks to the running platform. Which addresses are protected is a setting of the Worker or of the account.

  --preview NAME  a preview: an alias, or the first 8 characters of a version's id
  --path PATH     where the link leads, such as /docs (default /)
  --minutes N     how long it opens (default 60)
  --token         prints the bare token, for the header freehold-access
  --end-all       ends all links and tokens of the Worker
${configOptionsHelp}`,
  async run(args, io) {
    const options = {
      preview: { type: "string" },
      path: { type: "string" },
      minutes: { type: "string" },
      token: { type: "boolean" },
      "end-all": { type: "boolean" },
    } as const;
    const here = { ...io, env: withPlatformHere(io.env) };
    const { config, values, positionals } = parseWithConfig(args, options, here, true);
    const [worker, ...rest] = positionals;
    if (!worker) throw new UsageError("Say which Worker.");
    if (rest.length > 0) throw new UsageError(`Too many arguments: ${rest.join(" ")}`);
    const env = readWranglerEnv(config);
    const path = `/workers/scripts/${encodeURIComponent(worker)}/access-links`;
    if (values["end-all"]) {
      await callApi(env, "DELETE", path);
      io.out(`Ended all links of ${worker}.`);
      return 0;
    }
    const link = (await callApi(env, "POST", path, wish(values))) as AccessLink;
    if (!values.token && link.url === null)
      throw new CommandError(`${worker} has no address of its own; with --token you get what opens those it has.`);
    // The link alone on standard output, so that scripts can take it.
    io.err(`Until ${link.expires_on} this opens every protected address of ${worker}:`);
    io.out(values.token ? link.token : (link.url ?? ""));
    return 0;
  },
};

function wish({ preview, path, minutes }: { preview?: string; path?: string; minutes?: string }) {
  if (minutes !== undefined && !(Number(minutes) > 0)) throw new UsageError("--minutes must be a number above 0.");
  return {
    ...(preview !== undefined && { preview }),
    ...(path !== undefined && { path }),
    ...(minutes !== undefined && { minutes: Number(minutes) }),
  };
}
