/** What a deployment's row says of it, and what it makes of the project's settings. */
import { environmentOfFile } from "./bindings.ts";
import { type DeploymentContent, withoutBindings } from "./deployment-draft.ts";
import { type DeploymentDetails, stagesOf } from "./deployments.ts";
import type { Environment, EnvironmentName } from "./environment.ts";
import type { Project, ProjectSettings } from "./projects.ts";

interface Outcome {
  settings: ProjectSettings;
  environment: Environment;
  at: string;
  outcome: "success" | "failure";
  log: string[];
}

export function detailsOf(
  content: DeploymentContent,
  { settings, environment, at, outcome, log }: Outcome,
): DeploymentDetails {
  return {
    trigger: content.trigger,
    stages: stagesOf(outcome, at),
    log: log.map((line) => ({ ts: at, line })),
    usesFunctions: content.code.modules.length > 0,
    environment,
    buildConfig: settings.build_config,
    ...(settings.source && { source: settings.source }),
    metadata: withoutBindings(content.metadata),
    ...(content.routing !== undefined && { routing: content.routing }),
  };
}

/** What the deployment is configured with, and the settings after a wrangler file had its say. */
export function withFile(
  { settings }: Project,
  name: EnvironmentName,
  { file, metadata, code, configuredAs }: DeploymentContent,
): { settings: ProjectSettings; environment: Environment } {
  if (configuredAs) return { settings, environment: configuredAs.environment };
  if (!file) return { settings, environment: settings.environments[name] };
  const before = settings.environments[name];
  const { compatibility_date, compatibility_flags, limits, placement } = metadata;
  const said = {
    compatibility_date,
    compatibility_flags,
    limits: limits ?? undefined,
    placement: placement ?? undefined,
  };
  const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as Environment;
  // Without code nothing tells the file's bindings.
  const environment =
    code.modules.length > 0
      ? environmentOfFile(before, metadata.bindings ?? [], { ...given, wrangler_config_hash: file.hash })
      : { ...before, wrangler_config_hash: file.hash };
  const build_config = file.outputDir
    ? { ...settings.build_config, destination_dir: file.outputDir }
    : settings.build_config;
  return {
    settings: { ...settings, build_config, environments: { ...settings.environments, [name]: environment } },
    environment,
  };
}
