import { manifestOfHashes } from "../products/assets/hash-upload.ts";
import { readSite } from "../products/assets/version-site.ts";
import type { Platform } from "../store/platform.ts";
import { type Change, changeScript } from "../workers/change.ts";
import { createVersion, freeVersionId } from "../workers/create-version.ts";
import type { Metadata } from "../workers/metadata.ts";
import { type UploadedCode, uploadedCode } from "../workers/version-draft.ts";
import type { StoredVersion } from "../workers/versions.ts";
import { pointBranch } from "./aliases.ts";
import { environmentOfFile } from "./bindings.ts";
import { type DeploymentContent, draftOf, withoutBindings } from "./deployment-draft.ts";
import type { DeploymentForm } from "./deployment-form.ts";
import { type DeploymentDetails, insertDeployment, type Stage } from "./deployments.ts";
import type { Environment, EnvironmentName } from "./environment.ts";
import { type Project, requireProject, scriptOf, updateProject } from "./projects.ts";

/** A direct upload. Answers the deployment's id. Errors: those of a Worker's upload, 10304, 8000103. */
export async function deployForm(
  change: Change,
  name: string,
  form: DeploymentForm,
  manifest: Record<string, string>,
): Promise<string> {
  const { platform, accountId } = change;
  const key = await manifestOfHashes(platform, accountId, manifest);
  const { code, headers, redirects, commitHash, commitMessage, commitDirty } = form;
  return changeScript(change, async () => {
    const project = await requireProject(platform, accountId, name);
    const branch = form.branch ?? project.row.production_branch;
    return deploy(change, project, {
      trigger: {
        type: "ad_hoc",
        metadata: { branch, commit_hash: commitHash, commit_message: commitMessage, commit_dirty: commitDirty },
      },
      manifest: key,
      files: { headers, redirects, functionRoutes: code?.routes },
      code: code ? uploadedCode(code.upload) : noCode,
      metadata: code?.upload.metadata ?? {},
      ...(form.file && { file: form.file }),
      ...(form.routing !== undefined && { routing: form.routing }),
    });
  });
}

const noCode: UploadedCode = { format: "modules", mainModule: "", modules: [] };

/** Makes the deployment with what the project's environment has now. Call inside `changeScript`. */
export async function deploy(change: Change, before: Project, content: DeploymentContent): Promise<string> {
  const { platform, accountId } = change;
  const script = await scriptOf(platform, before);
  const { branch } = content.trigger.metadata;
  const name: EnvironmentName = branch === before.row.production_branch ? "production" : "preview";
  const { settings, environment } = withFile(before, name, content);
  const versionId = await freeVersionId(platform, script);
  const { draft, log } = await draftOf(change, before, script, { content, environment, versionId });
  const production = name === "production";
  const at = new Date().toISOString();
  const details: DeploymentDetails = {
    trigger: content.trigger,
    stages: finished(at),
    log: log.map((line) => ({ ts: at, line })),
    usesFunctions: content.code.modules.length > 0,
    environment,
    buildConfig: settings.build_config,
    ...(settings.source && { source: settings.source }),
    metadata: withoutBindings(content.metadata),
    ...(content.routing !== undefined && { routing: content.routing }),
  };
  const { version, deployment } = await createVersion(change, script, draft, {
    triggeredBy: "upload",
    deploy: production,
    versionId,
    async alongside(db, id) {
      if (content.file) await updateProject(db, before, settings);
      const row = { id, project_id: before.row.id, environment: name, branch, created_on: at, modified_on: at };
      await insertDeployment(db, { row, details });
      await pointBranch(db, before, branch, id);
    },
  });
  await platform.audit({
    accountId,
    actor: change.actor,
    action: "pages.deploy",
    target: before.row.name,
    detail: { deployment_id: version.row.id, environment: name, branch, live: deployment !== undefined },
  });
  return version.row.id;
}

/** The settings after a wrangler file had its say on the environment of the deployment. */
function withFile({ settings }: Project, name: EnvironmentName, { file, metadata, code }: DeploymentContent) {
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

/** The steps of a deployment whose files came finished. */
function finished(at: string): Stage[] {
  const names = ["queued", "initialize", "clone_repo", "build", "deploy"] as const;
  return names.map((name) => ({ name, status: "success", started_on: at, ended_on: at }));
}

/** What a deployment was made of, to make another of the same with what the project has now. */
export async function contentOf(
  platform: Platform,
  { record }: StoredVersion,
  { trigger, metadata, routing, environment }: DeploymentDetails,
): Promise<DeploymentContent> {
  if (!record.assets) throw new Error(`the deployment ${record.versionId} has no files`);
  const { manifest, headers, redirects, functionRoutes } = await readSite(platform, record.assets.site);
  return {
    trigger,
    manifest,
    files: { headers, redirects, functionRoutes },
    code: { format: record.format, mainModule: record.mainModule, modules: record.modules },
    // What a wrangler file said is the project's now, and may have changed since.
    metadata: environment.wrangler_config_hash ? without(metadata as Metadata) : (metadata as Metadata),
    ...(routing !== undefined && { routing }),
  };
}

function without({
  compatibility_date: _,
  compatibility_flags: __,
  limits: ___,
  placement: ____,
  ...metadata
}: Metadata): Metadata {
  return metadata;
}
