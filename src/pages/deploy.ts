/** Makes deployments: each is a version of the project's script, and an alias or a deployment of it. */
import type { Binding, Module } from "../domain/version.ts";
import { formatDiagnostic } from "../products/assets/diagnostics.ts";
import { manifestOfHashes } from "../products/assets/hash-upload.ts";
import { type PagesFiles, pagesSite } from "../products/assets/pages-site.ts";
import { readSite } from "../products/assets/version-site.ts";
import { declaredClasses } from "../products/durable-objects/declared-exports.ts";
import { accountClasses } from "../products/durable-objects/registry.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import { newestCompatibilityDate } from "../workerd/newest-date.ts";
import { resolveBindings } from "../workers/bindings.ts";
import { type Change, changeScript } from "../workers/change.ts";
import { createVersion, freeVersionId } from "../workers/create-version.ts";
import type { Metadata } from "../workers/metadata.ts";
import { listScripts } from "../workers/scripts.ts";
import { planState } from "../workers/state-changes.ts";
import { draftOfUpload, type UploadedCode, uploadedCode } from "../workers/version-draft.ts";
import { newestVersion, type StoredVersion } from "../workers/versions.ts";
import { pointBranch } from "./aliases.ts";
import { bindingsOf, environmentOfFile } from "./bindings.ts";
import type { DeploymentForm } from "./deployment-form.ts";
import { type DeploymentDetails, insertDeployment, type Stage, type Trigger } from "./deployments.ts";
import type { Environment, EnvironmentName } from "./environment.ts";
import { projectHost } from "./names.ts";
import { type Project, requireProject, scriptOf, updateProject } from "./projects.ts";

/** What a deployment is made of. */
export interface DeploymentContent {
  trigger: Trigger;
  /** Key of the table of files. */
  manifest: string;
  files: PagesFiles;
  code: UploadedCode;
  /** What the upload says of its code. */
  metadata: Metadata;
  /** What a wrangler file says, when there is one. */
  file?: DeploymentForm["file"];
  routing?: unknown;
}

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

interface DraftParts {
  content: DeploymentContent;
  environment: Environment;
  versionId: string;
}

async function draftOf(
  change: Change,
  project: Project,
  script: ScriptRow,
  { content, environment, versionId }: DraftParts,
) {
  const { accountId } = change;
  const { code, metadata, trigger } = content;
  const { site, diagnostics } = pagesSite(accountId, content.manifest, content.files);
  const { html_handling, not_found_handling } = {
    html_handling: site.htmlHandling,
    not_found_handling: site.notFoundHandling,
  };
  const notes = diagnostics.map(formatDiagnostic);
  const assets = { site, shown: { config: { html_handling, not_found_handling }, diagnostics: notes } };
  const { bindings, state } = await resolved(change, project, script, { content, environment, versionId });
  const { commit_message, commit_hash } = trigger.metadata;
  const settings: Metadata = {
    ...withoutBindings(metadata),
    compatibility_date: compatibilityDate(environment, metadata),
    compatibility_flags: metadata.compatibility_flags ?? environment.compatibility_flags,
    limits: metadata.limits ?? environment.limits,
    placement: metadata.placement ?? environment.placement,
    annotations: {
      ...(commit_message && { "workers/message": commit_message }),
      ...(commit_hash && { "workers/tag": commit_hash.slice(0, 25) }),
    },
  };
  const draft = draftOfUpload(script.name, { metadata: settings, parts: [] }, code, bindings, assets, state);
  return { draft, log: logOf(content, notes) };
}

/** The client repeats what the project has, unless there is a file, which the project then has. */
function compatibilityDate(environment: Environment, metadata: Metadata): string | undefined {
  if (environment.always_use_latest_compatibility_date) return newestCompatibilityDate();
  return metadata.compatibility_date ?? environment.compatibility_date;
}

async function resolved(
  change: Change,
  project: Project,
  script: ScriptRow,
  { content, environment, versionId }: DraftParts,
) {
  const { platform, accountId, scriptName } = change;
  const { code, metadata, trigger } = content;
  const production = trigger.metadata.branch === project.row.production_branch;
  const { raws, secrets, ownClasses } = bindingsOf(environment, {
    project: project.row.name,
    script: script.name,
    classes: await accountClasses(platform.db, accountId),
    scripts: new Set((await listScripts(platform, accountId)).map((one) => one.name)),
    given: variablesOf(change, project, trigger, versionId),
  });
  // Files alone use no bindings; the project keeps them for the day when there is code.
  const wanted = code.modules.length > 0 ? raws : [];
  const { migrations, exports } = metadata;
  const { state, bindable } = await planState(change, script, {
    bindings: wanted,
    migrations:
      migrations ?? (wanted.length > 0 ? await missingClasses(change, script, ownClasses, production) : undefined),
    exports,
    deploy: production,
    usesExports: declaredClasses((await newestVersion(platform, script))?.metadata.exports ?? {}).size > 0,
  });
  const bindings: Binding[] = await resolveBindings(wanted, {
    platform,
    accountId,
    scriptName,
    parts: [] as Module[],
    state: bindable,
    previous: secrets,
    bindingsOf: async () => secrets,
    keepTypes: [],
    strictInherit: true,
  });
  return { bindings, state };
}

/** Classes that bindings name and the project does not have yet are made, at the first deployment to production that has them. */
async function missingClasses(
  { platform, accountId }: Change,
  script: ScriptRow,
  ownClasses: string[],
  production: boolean,
): Promise<Metadata["migrations"]> {
  if (!production) return undefined;
  const known = (await accountClasses(platform.db, accountId)).filter(({ scriptId }) => scriptId === script.id);
  const missing = ownClasses.filter((name) => !known.some(({ className }) => className === name));
  return missing.length > 0 ? { new_sqlite_classes: missing } : undefined;
}

/** What builds of the original have, and `wrangler pages dev` gives Functions too. */
function variablesOf(
  { platform }: Change,
  { row }: Project,
  { metadata }: Trigger,
  versionId: string,
): Record<string, string> {
  return {
    CF_PAGES: "1",
    CF_PAGES_BRANCH: metadata.branch,
    CF_PAGES_COMMIT_SHA: metadata.commit_hash,
    CF_PAGES_URL: `https://${projectHost(platform.config, `${versionId.slice(0, 8)}.${row.label}`)}`,
  };
}

function withoutBindings({ bindings: _, ...metadata }: Metadata): Metadata {
  return metadata;
}

/** The steps of a deployment whose files came finished. */
function finished(at: string): Stage[] {
  const names = ["queued", "initialize", "clone_repo", "build", "deploy"] as const;
  return names.map((name) => ({ name, status: "success", started_on: at, ended_on: at }));
}

function logOf({ code, files }: DeploymentContent, notes: string[]): string[] {
  const routes = files.functionRoutes;
  return [
    ...(code.modules.length > 0 ? [`Functions: ${code.modules.length} modules.`] : []),
    ...(routes
      ? [
          `Paths that start them: ${routes.include.join(", ")}${routes.exclude.length > 0 ? `, but not ${routes.exclude.join(", ")}` : ""}.`,
        ]
      : []),
    ...notes.map((note) => `Note: ${note}`),
    "Success: the site was deployed.",
  ];
}

/** What a deployment was made of, to make another of the same with what the project has now. */
export async function contentOf(
  platform: Platform,
  { record }: StoredVersion,
  { trigger, metadata, routing }: DeploymentDetails,
): Promise<DeploymentContent> {
  if (!record.assets) throw new Error(`the deployment ${record.versionId} has no files`);
  const { manifest, headers, redirects, functionRoutes } = await readSite(platform, record.assets.site);
  return {
    trigger,
    manifest,
    files: { headers, redirects, functionRoutes },
    code: { format: record.format, mainModule: record.mainModule, modules: record.modules },
    metadata: metadata as Metadata,
    ...(routing !== undefined && { routing }),
  };
}
