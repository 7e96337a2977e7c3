/** From what a deployment is made of to the version that it will be. */
import type { Binding, Module } from "../domain/version.ts";
import { formatDiagnostic } from "../products/assets/diagnostics.ts";
import { type PagesFiles, pagesSite } from "../products/assets/pages-site.ts";
import { declaredClasses } from "../products/durable-objects/declared-exports.ts";
import { accountClasses } from "../products/durable-objects/registry.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import { newestCompatibilityDate } from "../workerd/newest-date.ts";
import { resolveBindings } from "../workers/bindings.ts";
import type { Change } from "../workers/change.ts";
import type { Metadata } from "../workers/metadata.ts";
import { listScripts } from "../workers/scripts.ts";
import { planState } from "../workers/state-changes.ts";
import { draftOfUpload, draftOfVersion, type UploadedCode, type VersionDraft } from "../workers/version-draft.ts";
import { newestVersion, type StoredVersion } from "../workers/versions.ts";
import { bindingsOf } from "./bindings.ts";
import type { DeploymentForm } from "./deployment-form.ts";
import type { Trigger } from "./deployments.ts";
import type { Environment } from "./environment.ts";
import { projectHost } from "./names.ts";
import type { Project } from "./projects.ts";

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
  /** The deployment whose configuration it shall have as it is; absent: what the project has now. */
  configuredAs?: { version: StoredVersion; environment: Environment };
}

export interface DraftParts {
  content: DeploymentContent;
  environment: Environment;
  versionId: string;
  /** Production shall take to it step by step. */
  gradual: boolean;
}

/** The version to be, lines of the deployment's log, and whether production takes to it at once. */
export async function draftOf(
  change: Change,
  project: Project,
  script: ScriptRow,
  parts: DraftParts,
): Promise<Drafted> {
  const { configuredAs } = parts.content;
  return configuredAs
    ? draftAs(change, project, script, parts, configuredAs.version)
    : draftOfEnvironment(change, project, script, parts);
}

interface Drafted {
  draft: VersionDraft;
  log: string[];
  deploy: boolean;
}

/** All of another version's but its code, and the address. */
async function draftAs(
  change: Change,
  project: Project,
  script: ScriptRow,
  { content, versionId, gradual }: DraftParts,
  version: StoredVersion,
): Promise<Drafted> {
  const { platform } = change;
  const { record } = version;
  const [before, after] = [record.versionId, versionId].map((id) => addressOf(platform, project, id));
  const resolvedBindings = record.bindings.map((binding) =>
    binding.type === "plain_text" && binding.name === "CF_PAGES_URL" && binding.text === before
      ? { ...binding, text: after ?? "" }
      : binding,
  );
  const draft = await draftOfVersion(platform, script.name, version, {
    annotations: annotationsOf(content.trigger),
    resolvedBindings,
  });
  const notes = draft.assets?.shown.diagnostics ?? [];
  return { draft: { ...draft, ...content.code }, log: logOf(content, notes), deploy: !gradual };
}

async function draftOfEnvironment(
  change: Change,
  project: Project,
  script: ScriptRow,
  parts: DraftParts,
): Promise<Drafted> {
  const { content, environment } = parts;
  const { accountId } = change;
  const { code, metadata, trigger } = content;
  const { site, diagnostics } = pagesSite(accountId, content.manifest, content.files, {
    failOpen: environment.fail_open ?? true,
  });
  const { html_handling, not_found_handling } = {
    html_handling: site.htmlHandling,
    not_found_handling: site.notFoundHandling,
  };
  const notes = diagnostics.map(formatDiagnostic);
  const assets = { site, shown: { config: { html_handling, not_found_handling }, diagnostics: notes } };
  const { bindings, state, deploy } = await resolved(change, project, script, parts);
  const settings: Metadata = {
    ...withoutBindings(metadata),
    compatibility_date: compatibilityDate(environment, metadata),
    compatibility_flags: metadata.compatibility_flags ?? environment.compatibility_flags,
    limits: metadata.limits ?? environment.limits,
    placement: metadata.placement ?? environment.placement,
    annotations: annotationsOf(trigger),
  };
  const draft = draftOfUpload(script.name, { metadata: settings, parts: [] }, code, bindings, assets, state);
  return { draft, log: logOf(content, notes), deploy };
}

function annotationsOf({ metadata: { commit_message, commit_hash } }: Trigger): Record<string, string> {
  return {
    ...(commit_message && { "workers/message": commit_message }),
    ...(commit_hash && { "workers/tag": commit_hash.slice(0, 25) }),
  };
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
  { content, environment, versionId, gradual }: DraftParts,
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
  const { exports } = metadata;
  const made = production && wanted.length > 0 ? await missingClasses(change, script, ownClasses) : undefined;
  const migrations = metadata.migrations ?? made;
  // Classes change with all requests at once, as a Worker's do.
  const deploy = production && !(gradual && migrations === undefined && exports === undefined);
  const { state, bindable } = await planState(change, script, {
    bindings: wanted,
    migrations,
    exports,
    deploy,
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
  return { bindings, state, deploy };
}

/** Classes that bindings name and the project does not have yet are made, at the first deployment to production that has them. */
async function missingClasses(
  { platform, accountId }: Change,
  script: ScriptRow,
  ownClasses: string[],
): Promise<Metadata["migrations"]> {
  const known = (await accountClasses(platform.db, accountId)).filter(({ scriptId }) => scriptId === script.id);
  const missing = ownClasses.filter((name) => !known.some(({ className }) => className === name));
  return missing.length > 0 ? { new_sqlite_classes: missing } : undefined;
}

/** What builds of the original have, and `wrangler pages dev` gives Functions too. */
function variablesOf(
  { platform }: Change,
  project: Project,
  { metadata }: Trigger,
  versionId: string,
): Record<string, string> {
  return {
    CF_PAGES: "1",
    CF_PAGES_BRANCH: metadata.branch,
    CF_PAGES_COMMIT_SHA: metadata.commit_hash,
    CF_PAGES_URL: addressOf(platform, project, versionId),
  };
}

function addressOf({ config }: Platform, { row }: Project, versionId: string): string {
  return `https://${projectHost(config, `${versionId.slice(0, 8)}.${row.label}`)}`;
}

export function withoutBindings({ bindings: _, ...metadata }: Metadata): Metadata {
  return metadata;
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
