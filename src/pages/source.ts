/** The repository of a git-connected project in the API's form (`pages-and-builds.md` 1.2, 4.2). */
import { z } from "zod";
import { invalidRequest, repositoryConnected } from "./errors.ts";

const text = z.string().max(250);
const rules = z.array(z.string().max(1_000)).max(100);

const config = {
  owner: text,
  owner_id: text,
  repo_name: text,
  repo_id: text,
  production_branch: text,
  pr_comments_enabled: z.boolean(),
  deployments_enabled: z.boolean(),
  production_deployments_enabled: z.boolean(),
  preview_deployment_setting: z.enum(["all", "none", "custom"]),
  preview_branch_includes: rules,
  preview_branch_excludes: rules,
  path_includes: rules,
  path_excludes: rules,
};

export const sourceSchema = z.strictObject({
  type: text.min(1),
  config: z.strictObject(config).partial().optional(),
});
export type SourcePatch = z.infer<typeof sourceSchema>;

/** As it is stored: what was said of it. The production branch is the project's. */
export interface Source {
  type: string;
  config: Omit<NonNullable<SourcePatch["config"]>, "production_branch">;
}

/** What is not said means what the original means by it. */
const defaults = {
  owner: "",
  owner_id: "",
  repo_name: "",
  repo_id: "",
  pr_comments_enabled: true,
  deployments_enabled: true,
  production_deployments_enabled: true,
  preview_deployment_setting: "all",
  preview_branch_includes: ["*"],
  preview_branch_excludes: [],
  path_includes: ["*"],
  path_excludes: [],
};

/** Connects a project, or changes how it is connected: what is not named stays. Error 8000103 without a repository's name. */
export function patchedSource(before: Source | undefined, { type, config = {} }: SourcePatch): Source {
  const { production_branch: _, ...said } = config;
  const after: Source = { type, config: { ...before?.config, ...said } };
  if (!after.config.owner || !after.config.repo_name)
    throw invalidRequest(
      'A repository is named by its owner and its own name: set "owner" and "repo_name" of "source.config".',
    );
  return after;
}

/** Error 8000116 when the project has another repository: a connection is ended before the next one is made. */
export function refuseOther(before: Source | undefined, { type, config = {} }: SourcePatch): void {
  if (!before) return;
  const { owner = before.config.owner, repo_name = before.config.repo_name } = config;
  const isSame = type === before.type && owner === before.config.owner && repo_name === before.config.repo_name;
  if (!isSame) throw repositoryConnected(`${before.config.owner}/${before.config.repo_name} (${before.type})`);
}

export function presentSource({ type, config }: Source, productionBranch: string): Record<string, unknown> {
  return { type, config: { ...defaults, ...config, production_branch: productionBranch } };
}
