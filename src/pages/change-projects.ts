import { z } from "zod";
import type { Platform } from "../store/platform.ts";
import { newestCompatibilityDate } from "../workerd/newest-date.ts";
import { type Change, changeScript, publish } from "../workers/change.ts";
import { type ScriptSettingsPatch, tracingSettings } from "../workers/metadata.ts";
import { patchScript } from "../workers/settings.ts";
import { checkTailConsumers } from "../workers/tail-consumers.ts";
import {
  type Environment,
  type EnvironmentPatch,
  environmentPatchSchema,
  patchedEnvironment,
  previewPatchSchema,
} from "./environment.ts";
import { invalidRequest, projectExists, tooManyProjects } from "./errors.ts";
import { MAX_PROJECTS, MAX_SETTINGS_BYTES } from "./limits.ts";
import { checkedBranch, checkedProjectName, scriptOfProject } from "./names.ts";
import {
  findProject,
  insertProject,
  type Project,
  type ProjectSettings,
  requireProject,
  scriptOf,
  updateProject,
} from "./projects.ts";
import { patchedSource, sourceSchema } from "./source.ts";

const text = z.string().max(2_000);

const buildConfig = z.strictObject({
  build_command: text.nullish(),
  destination_dir: text.nullish(),
  root_dir: text.nullish(),
  build_caching: z.boolean().nullish(),
  web_analytics_tag: text.nullish(),
  web_analytics_token: text.nullish(),
});

const parts = {
  // Ours: who is told of invocations. Like a Worker's, they belong to the script and take effect at once.
  ...tracingSettings,
  build_config: buildConfig.nullish(),
  source: sourceSchema.nullish(),
  deployment_configs: z
    .strictObject({ production: environmentPatchSchema.nullish(), preview: previewPatchSchema.nullish() })
    .nullish(),
};

/** What a read shows and nobody can change: clients send whole projects back. */
const shown = Object.fromEntries(
  [
    ...["id", "subdomain", "domains", "canonical_deployment", "latest_deployment", "created_on", "uses_functions"],
    ...["production_script_name", "preview_script_name", "framework", "framework_version"],
  ].map((name) => [name, z.unknown().optional()]),
);

export const projectCreateSchema = z.strictObject({
  ...shown,
  ...parts,
  name: z.string(),
  production_branch: z.string(),
});
export const projectPatchSchema = z.strictObject({
  ...shown,
  ...parts,
  name: z.string().optional(),
  production_branch: z.string().optional(),
});
type Patch = Pick<z.infer<typeof projectPatchSchema>, keyof typeof parts>;

/** Errors: 8000100 to 8000103, 100152, 100153. */
export async function createProject(change: Change, body: z.infer<typeof projectCreateSchema>): Promise<Project> {
  const { platform, accountId, actor, source } = change;
  const name = checkedProjectName(body.name);
  const productionBranch = checkedBranch(body.production_branch);
  // As with the original, the runtime's behaviour is that of the day, until someone says otherwise.
  const latest = { compatibility_date: newestCompatibilityDate() };
  const fresh: ProjectSettings = { build_config: {}, environments: { production: latest, preview: latest } };
  const settings = patchedSettings(platform, fresh, body);
  const its = { ...change, scriptName: scriptOfProject(name) };
  await checkTailConsumers(its, body.tail_consumers);
  const project = await changeScript(its, () =>
    platform.db.transaction().execute(async (db) => {
      if (await findProject({ db }, accountId, name)) throw projectExists(name);
      const { count } = await db
        .selectFrom("pages_projects")
        .select(({ fn }) => fn.countAll<number | string>().as("count"))
        .where("account_id", "=", accountId)
        .executeTakeFirstOrThrow();
      if (Number(count) >= MAX_PROJECTS) throw tooManyProjects();
      return insertProject(db, { accountId, name, productionBranch, source, settings, tracing: tracingOf(body) });
    }),
  );
  // The certificate names the project's hosts.
  await publish(change);
  await platform.audit({ accountId, actor, action: "pages.create-project", target: name });
  return project;
}

/** Errors: 8000007, 8000103, 100152, 100153. */
export async function patchProject(
  change: Change,
  name: string,
  body: z.infer<typeof projectPatchSchema>,
): Promise<Project> {
  const { platform, accountId, actor } = change;
  if (body.name !== undefined && body.name !== name)
    throw invalidRequest("A project's name is part of its host names and cannot be changed. Make another project.");
  const changed = await changeScript(change, async () => {
    const project = await requireProject(platform, accountId, name);
    const said = body.production_branch ?? body.source?.config?.production_branch;
    const branch = said === undefined ? undefined : checkedBranch(said);
    const settings = patchedSettings(platform, project.settings, body);
    const tracing = tracingOf(body);
    if (Object.values(tracing).some((setting) => setting !== undefined))
      await patchScript(change, await scriptOf(platform, project), tracing);
    return updateProject(platform.db, project, settings, branch);
  });
  await platform.audit({ accountId, actor, action: "pages.change-project", target: name });
  return changed;
}

function tracingOf({ logpush, tail_consumers, observability }: Patch): ScriptSettingsPatch {
  return { logpush, tail_consumers, observability };
}

function patchedSettings({ seal }: Pick<Platform, "seal">, before: ProjectSettings, patch: Patch): ProjectSettings {
  const environment = (now: Environment, change: EnvironmentPatch | null | undefined) =>
    change ? patchedEnvironment(now, change, seal) : now;
  const { production, preview } = patch.deployment_configs ?? {};
  const source = patch.source ? patchedSource(before.source, patch.source) : patch.source;
  const connected = source === undefined ? before.source : source;
  const after: ProjectSettings = {
    build_config: patch.build_config === null ? {} : without({ ...before.build_config, ...patch.build_config }),
    ...(connected && { source: connected }),
    environments: {
      production: environment(before.environments.production, production),
      preview: environment(before.environments.preview, preview),
    },
  };
  const bytes = Buffer.byteLength(JSON.stringify(after));
  if (bytes > MAX_SETTINGS_BYTES)
    throw invalidRequest(`The project's settings have ${bytes} bytes; they may have ${MAX_SETTINGS_BYTES}.`);
  return after;
}

function without(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null && value !== undefined));
}
