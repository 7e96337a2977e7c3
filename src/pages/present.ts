/** Projects and deployments as the API shows them (`pages-and-builds.md` 1.2, 2.1). */
import type { Platform } from "../store/platform.ts";
import { activeDeployment } from "../workers/deployments.ts";
import { listDomains } from "../workers/domains.ts";
import { presentScriptSettings } from "../workers/present.ts";
import { type Deployment, listDeployments, requireDeployment } from "./deployments.ts";
import { type Environment, presentEnvironment, presentVariables } from "./environment.ts";
import { projectHost } from "./names.ts";
import { type Project, scriptOf } from "./projects.ts";
import { presentSource } from "./source.ts";

export async function presentProject(platform: Platform, project: Project): Promise<Record<string, unknown>> {
  const { row, settings } = project;
  const script = await scriptOf(platform, project);
  const [latest] = (await listDeployments(platform, project, { offset: 0, size: 1 })).deployments;
  const live = await liveDeployment(platform, project);
  const { logpush, tail_consumers, observability } = presentScriptSettings(script);
  const host = projectHost(platform.config, row.label);
  const custom = await listDomains(platform.db, row.account_id, script);
  return {
    id: row.id,
    name: row.name,
    subdomain: host,
    domains: [host, ...custom.map(({ hostname }) => hostname)],
    production_branch: row.production_branch,
    ...(settings.source && { source: presentSource(settings.source, row.production_branch) }),
    build_config: presentBuildConfig(settings.build_config),
    logpush,
    tail_consumers,
    observability,
    deployment_configs: {
      production: presentEnvironment(settings.environments.production),
      preview: presentEnvironment(settings.environments.preview),
    },
    canonical_deployment: live ? await presentDeployment(platform, project, live) : null,
    latest_deployment: latest ? await presentDeployment(platform, project, latest) : null,
    production_script_name: script.name,
    preview_script_name: script.name,
    uses_functions: latest?.details.usesFunctions ?? false,
    framework: "",
    framework_version: "",
    created_on: row.created_on,
  };
}

/** The one that most of production's requests meet. */
export async function liveDeployment(platform: Platform, project: Project): Promise<Deployment | undefined> {
  const shares = (await activeDeployment(platform, await scriptOf(platform, project)))?.shares ?? [];
  const [largest] = shares.toSorted((a, b) => b.percentage - a.percentage);
  return largest && requireDeployment(platform, project, largest.versionId);
}

export async function presentDeployment(
  platform: Platform,
  { row: project }: Project,
  { row, details }: Deployment,
): Promise<Record<string, unknown>> {
  const shortId = row.id.slice(0, 8);
  const address = (label: string) => `https://${projectHost(platform.config, `${label}.${project.label}`)}`;
  const aliases = (await aliasesOf(platform, row.id)).map(address);
  const { environment, buildConfig, source, trigger, stages } = details;
  return {
    id: row.id,
    short_id: shortId,
    project_id: project.id,
    project_name: project.name,
    environment: row.environment,
    url: address(shortId),
    aliases: aliases.length > 0 ? aliases : null,
    production_branch: project.production_branch,
    created_on: row.created_on,
    modified_on: row.modified_on,
    latest_stage: stages.findLast(({ status }) => status !== "idle") ?? stages[0],
    stages,
    deployment_trigger: trigger,
    build_config: presentBuildConfig(buildConfig),
    source: source ? presentSource(source, project.production_branch) : null,
    is_skipped: false,
    skip_reason: null,
    uses_functions: details.usesFunctions,
    ...presentFrozen(environment),
  };
}

/** Clients expect these two, whatever they are. */
function presentBuildConfig(config: Record<string, unknown>): Record<string, unknown> {
  return { web_analytics_tag: null, web_analytics_token: null, ...config };
}

/** What the deployment was configured with. */
function presentFrozen({ env_vars, ...rest }: Environment): Record<string, unknown> {
  return { ...rest, env_vars: presentVariables(env_vars ?? {}) };
}

/** Aliases that show a version. */
export async function aliasesOf({ db }: Pick<Platform, "db">, versionId: string): Promise<string[]> {
  const rows = await db
    .selectFrom("aliases")
    .select("alias")
    .where("version_id", "=", versionId)
    .orderBy("alias")
    .execute();
  return rows.map(({ alias }) => alias);
}
