import { ApiError, type ApiFailure } from "../lib/api.ts";
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
import { type DeploymentDetails, insertDeployment, stagesOf } from "./deployments.ts";
import type { Environment, EnvironmentName } from "./environment.ts";
import { type Project, type ProjectSettings, requireProject, scriptOf, updateProject } from "./projects.ts";

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

/**
 * Makes the deployment with what the project's environment has now. One whose code does not start, or whose bindings lead nowhere,
 * is there too, as failed, with the reason as the last line of its log; or (`refuse`) is none, and the reason is thrown. Call inside
 * `changeScript`.
 */
export async function deploy(
  change: Change,
  before: Project,
  content: DeploymentContent,
  { refuse = false }: { refuse?: boolean } = {},
): Promise<string> {
  const { platform } = change;
  const script = await scriptOf(platform, before);
  const { branch } = content.trigger.metadata;
  const name: EnvironmentName = branch === before.row.production_branch ? "production" : "preview";
  const { settings, environment } = withFile(before, name, content);
  const id = await freeVersionId(platform, script);
  const insert = (db: Platform["db"], outcome: "success" | "failure", log: string[]) => {
    const at = new Date().toISOString();
    return insertDeployment(db, {
      row: { id, project_id: before.row.id, environment: name, branch, created_on: at, modified_on: at },
      details: detailsOf(content, { settings, environment, at, outcome, log }),
    });
  };
  let live = false;
  try {
    const { draft, log } = await draftOf(change, before, script, { content, environment, versionId: id });
    const { deployment } = await createVersion(change, script, draft, {
      triggeredBy: "upload",
      deploy: name === "production",
      versionId: id,
      async alongside(db) {
        if (content.file) await updateProject(db, before, settings);
        await insert(db, "success", log);
        await pointBranch(db, before, branch, id);
      },
    });
    live = deployment !== undefined;
  } catch (error) {
    if (refuse || !(error instanceof ApiError) || error.status >= 500) throw error;
    // The client shows the last line, without its first "Error:".
    await insert(platform.db, "failure", [`Error: ${error.failures.map(reasonOf).join("; ")}`]);
  }
  await platform.audit({
    accountId: change.accountId,
    actor: change.actor,
    action: "pages.deploy",
    target: before.row.name,
    detail: { deployment_id: id, environment: name, branch, live },
  });
  return id;
}

function reasonOf({ message, code }: ApiFailure): string {
  return `${message} [code: ${code}]`;
}

interface Outcome {
  settings: ProjectSettings;
  environment: Environment;
  at: string;
  outcome: "success" | "failure";
  log: string[];
}

function detailsOf(
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
