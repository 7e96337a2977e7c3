/** What the other platform says of a project and an import does not carry: told, so that nothing is lost unseen. */
import { isEmpty } from "./differences.ts";
import type { RemoteProject, Source } from "./source.ts";

/** Settings that belong to a running project rather than to its code: a person decides about them here. */
const OWN_KEYS = ["tail_consumers", "observability", "logpush"];

/** What is said of a project by who runs it, or is carried. */
const TOLD_KEYS = new Set([
  ...["id", "name", "subdomain", "domains", "created_on", "uses_functions", "framework", "framework_version"],
  ...["canonical_deployment", "latest_deployment", "production_script_name", "preview_script_name"],
  ...["production_branch", "build_config", "source", "deployment_configs", ...OWN_KEYS],
]);

/** Analytics of visitors, which the original puts into pages. */
const ANALYTICS_KEYS = ["web_analytics_tag", "web_analytics_token"];

/** Lines about a project's own settings. `carried` has the keys of `build_config` and of `source.config` that are. */
export function leftoversOf(project: RemoteProject, carried: { build: string[]; source: string[] }): string[] {
  const build = project.build_config ?? {};
  const source = project.source?.config ?? {};
  const analytics = ANALYTICS_KEYS.filter((key) => !isEmpty(build[key]));
  return [
    ...OWN_KEYS.filter((key) => project[key] && !isEmpty(project[key])).map(
      (key) => `${key} of the project is left out: set it here again.`,
    ),
    ...(analytics.length > 0 ? ["Web analytics is left out: there is none here."] : []),
    ...unknownIn("the project", project, [...TOLD_KEYS]),
    ...unknownIn("build_config", build, [...carried.build, ...ANALYTICS_KEYS]),
    ...unknownIn("source.config", source, [...carried.source, "production_branch"]),
    ...(project.source && !isNamed(project.source) ? ["The repository is left out: it has no owner or no name."] : []),
  ];
}

/** A repository can be connected only if it has a name. */
export function isNamed({ config }: NonNullable<RemoteProject["source"]>): boolean {
  return !isEmpty(config?.owner) && !isEmpty(config?.repo_name);
}

export function unknownIn(where: string, record: Record<string, unknown>, known: string[]): string[] {
  return Object.keys(record)
    .filter((key) => !known.includes(key) && !isEmpty(record[key]) && record[key] !== false)
    .map((key) => `${where}: ${key} is left out: it is not known here.`);
}

/** What a domain that does not serve there says of itself. */
export function stateOf({ name, status, verification_data, validation_data }: Source["domains"][number]): string[] {
  if (status === undefined || status === "active") return [];
  const why = verification_data?.error_message || validation_data?.error_message;
  return [`${name} does not serve there (${status}${why ? `: ${why}` : ""}); here it does once its name leads here.`];
}
