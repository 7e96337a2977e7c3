import { ApiError, type ApiFailure } from "../lib/api.ts";
import { manifestOfHashes } from "../products/assets/hash-upload.ts";
import { readSite } from "../products/assets/version-site.ts";
import type { Platform } from "../store/platform.ts";
import { type Change, changeScript } from "../workers/change.ts";
import { createVersion, freeVersionId } from "../workers/create-version.ts";
import { activeDeployment } from "../workers/deployments.ts";
import type { Metadata } from "../workers/metadata.ts";
import { type UploadedCode, uploadedCode } from "../workers/version-draft.ts";
import type { StoredVersion } from "../workers/versions.ts";
import { pointBranch } from "./aliases.ts";
import { detailsOf, withFile } from "./deployment-details.ts";
import { type DeploymentContent, draftOf } from "./deployment-draft.ts";
import type { DeploymentForm } from "./deployment-form.ts";
import { type DeploymentDetails, insertDeployment } from "./deployments.ts";
import type { EnvironmentName } from "./environment.ts";
import { deploymentGone } from "./errors.ts";
import { keepContent, limitFailed } from "./failed-deployments.ts";
import { beginRollout, firstShare, type Rollout } from "./gradual.ts";
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
  return deployTo(change, name, async (project) => {
    const branch = form.branch ?? project.row.production_branch;
    return {
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
    };
  });
}

/** Deploys what is made of the project, and lets it begin to take over. Answers the deployment's id. `refuse`: as of `deploy`. */
export async function deployTo(
  change: Change,
  name: string,
  contentFor: (project: Project) => Promise<DeploymentContent>,
  { refuse = false }: { refuse?: boolean } = {},
): Promise<string> {
  const { id, rollout } = await changeScript(change, async () => {
    const project = await requireProject(change.platform, change.accountId, name);
    return deploy(change, project, await contentFor(project), refuse);
  });
  if (rollout) await beginRollout(change, id, rollout);
  return id;
}

const noCode: UploadedCode = { format: "modules", mainModule: "", modules: [] };

/**
 * Makes the deployment with what the project's environment has now, unless the content says otherwise. One whose code does not start, or whose bindings lead nowhere,
 * is there too, as failed, with the reason as the last line of its log and what was uploaded for it; or (`refuse`) is none, and the reason is thrown.
 * `rollout`: how it is to take over, if not at once.
 */
async function deploy(
  change: Change,
  before: Project,
  content: DeploymentContent,
  refuse: boolean,
): Promise<{ id: string; rollout: Rollout | undefined }> {
  const { platform } = change;
  const script = await scriptOf(platform, before);
  const { branch } = content.trigger.metadata;
  const name: EnvironmentName = branch === before.row.production_branch ? "production" : "preview";
  const { settings, environment } = withFile(before, name, content);
  const id = await freeVersionId(platform, script);
  const insert = (db: Platform["db"], log: string[], upload: string | null = null) => {
    const at = new Date().toISOString();
    const outcome = upload === null ? "success" : "failure";
    return insertDeployment(db, {
      row: { id, project_id: before.row.id, environment: name, branch, created_on: at, modified_on: at, upload },
      details: detailsOf(content, { settings, environment, at, outcome, log }),
    });
  };
  // The first one has nobody to take over from.
  const isFirst = (await activeDeployment(platform, script)) === undefined;
  let rollout = name === "production" && !isFirst ? settings.environments.production.rollout : undefined;
  let live = false;
  try {
    const parts = { content, environment, versionId: id, gradual: rollout !== undefined };
    const { draft, log, deploy } = await draftOf(change, before, script, parts);
    if (deploy) rollout = undefined;
    const begin = rollout ? [`Production begins with ${firstShare(rollout)} % of the requests.`] : [];
    const { deployment } = await createVersion(change, script, draft, {
      triggeredBy: "upload",
      deploy,
      versionId: id,
      async alongside(db) {
        if (content.file) await updateProject(db, before, settings);
        await insert(db, [...begin, ...log]);
        await pointBranch(db, before, branch, id);
      },
    });
    live = deployment !== undefined;
  } catch (error) {
    if (refuse || !(error instanceof ApiError) || error.status >= 500) throw error;
    // The client shows the last line, without its first "Error:".
    const upload = await keepContent(platform, change.accountId, content);
    await platform.db.transaction().execute(async (db) => {
      await insert(db, [`Error: ${error.failures.map(reasonOf).join("; ")}`], upload);
      await limitFailed(db, before.row.id);
    });
    rollout = undefined;
  }
  await platform.audit({
    accountId: change.accountId,
    actor: change.actor,
    action: "pages.deploy",
    target: before.row.name,
    detail: { deployment_id: id, environment: name, branch, live },
  });
  return { id, rollout };
}

function reasonOf({ message, code }: ApiFailure): string {
  return `${message} [code: ${code}]`;
}

/** What a deployment was made of, to make another of the same with what the project has now. Error 8000117 when it is no longer kept. */
export async function contentOf(
  platform: Platform,
  { record }: StoredVersion,
  { trigger, metadata, routing, environment }: DeploymentDetails,
): Promise<DeploymentContent> {
  if (!record.assets) throw new Error(`the deployment ${record.versionId} has no files`);
  // Of deployments that nothing shows any more the files are removed in the end.
  if (!(await platform.blobs.get(record.assets.site))) throw deploymentGone();
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
