import { newestCompatibilityDate } from "../workerd/newest-date.ts";
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
import { type ImportPlan, planImport } from "./import/plan.ts";
import { HOSTED_API, type RemoteAccount, remoteAccount, TOKEN_VARIABLE } from "./import/remote.ts";
import { projectsOf, type Source, sourceOf } from "./import/source.ts";
import { make, type Target, targetOf } from "./import/target.ts";
import { inLines } from "./one-line.ts";
import { readWranglerEnv, type WranglerEnv } from "./wrangler-env.ts";

export const importCommand: Command = {
  usage: "import pages [<project>…] --from-account ID [--from-url URL] [--write] [options]",
  summary: "Brings Pages projects from the hosted original, or from another Freehold.",
  details: `Reads projects by the public API of the other platform and makes them here: settings of both environments,
variables, bindings, repository, custom domains. KV namespaces, D1 databases, R2 buckets and queues that
they bind are found here by name, and made when they are missing. Not brought: deployments, data, and the
values of secrets. Run again, it brings what is new. Without a project it lists those there are.

The token of the other account is read from ${TOKEN_VARIABLE}; it needs to read Pages, KV, D1 and Workers.

  --from-account ID  the account on the other platform
  --from-url URL     its API (default ${HOSTED_API})
  --write            does it; without it only says what it would do
${configOptionsHelp}`,
  async run(args, terminal) {
    const io = inLines(terminal);
    const options = {
      "from-account": { type: "string" },
      "from-url": { type: "string" },
      write: { type: "boolean" },
    } as const;
    const here = { ...io, env: withPlatformHere(io.env) };
    const { config, values, positionals } = parseWithConfig(args, options, here, true);
    const [what, ...names] = positionals;
    if (what !== "pages") throw new UsageError("Say what to import: pages, and the names of projects.");
    if (!values["from-account"])
      throw new UsageError("--from-account is missing: the id of the account to import from.");
    const env = readWranglerEnv(config);
    const remote = remoteAccount(values["from-account"], values["from-url"] ?? HOSTED_API, io.env[TOKEN_VARIABLE]);
    if (names.length === 0) return list(remote, io);
    for (const name of names) await importProject(env, remote, name, values.write ?? false, io);
    if (!values.write) io.out("Nothing is done yet; --write does it.");
    return 0;
  },
};

async function list(remote: RemoteAccount, io: Io): Promise<number> {
  const projects = await projectsOf(remote);
  for (const { name } of projects) io.out(name);
  if (projects.length === 0) io.err("The account has no Pages projects.");
  return 0;
}

async function importProject(env: WranglerEnv, remote: RemoteAccount, name: string, write: boolean, io: Io) {
  const source = await sourceOf(remote, name);
  const target = await targetOf(env, name);
  const plan = planImport(source, target, newestCompatibilityDate());
  io.out(`${name}:`);
  for (const { kind, name: resource } of plan.missing) io.out(`+ ${words[kind]} "${resource}"`);
  for (const line of plan.changes) io.out(`+ ${line}`);
  for (const domain of plan.domains) io.out(`+ domain ${domain}`);
  const refused = write ? await carryOut(env, source, target, plan) : [];
  if (plan.missing.length + plan.changes.length + plan.domains.length === 0) io.out("  Nothing changes.");
  for (const note of [...plan.notes, ...refused]) io.out(`  ${note}`);
}

const words = { kv: "KV namespace", d1: "D1 database", r2: "R2 bucket", queue: "queue" };

/** Answers why domains could not be added: everything else is done then. */
async function carryOut(env: WranglerEnv, { project }: Source, target: Target, plan: ImportPlan): Promise<string[]> {
  for (const { kind, name } of plan.missing) target.resources[kind].set(name, await make(env, kind, name));
  const body = plan.body(target.resources);
  const at = `/pages/projects/${encodeURIComponent(project.name)}`;
  if (!target.project) await callApi(env, "POST", "/pages/projects", { name: project.name, ...body });
  else if (plan.changes.length > 0) await callApi(env, "PATCH", at, body);
  const refused: string[] = [];
  for (const domain of plan.domains) {
    try {
      await callApi(env, "POST", `${at}/domains`, { name: domain });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      refused.push(`The domain ${domain} is not added: ${error.message}`);
    }
  }
  return refused;
}
