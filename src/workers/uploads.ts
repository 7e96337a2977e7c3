import type { ApiRequest } from "../lib/api.ts";
import { uploadBlobs } from "../products/assets/asset-blobs.ts";
import { declaredClasses } from "../products/durable-objects/declared-exports.ts";
import { classesOfScript } from "../products/durable-objects/registry.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import { assetsOfUpload } from "./assets.ts";
import { alwaysKept, refusePartBindings, resolveBindings } from "./bindings.ts";
import { type Change, changeOf, changeScript } from "./change.ts";
import { createVersion } from "./create-version.ts";
import { activeDeployment } from "./deployments.ts";
import { invalidUpload } from "./errors.ts";
import { scriptName } from "./names.ts";
import { findScript, requireWorker } from "./scripts.ts";
import { planState } from "./state-changes.ts";
import type { NewVersion } from "./store-version.ts";
import { checkTailConsumers } from "./tail-consumers.ts";
import { refuseUnavailable } from "./unsupported.ts";
import { readUpload, type Upload } from "./upload-form.ts";
import { draftOfUpload, type UploadedCode, uploadedCode, type VersionDraft } from "./version-draft.ts";
import { findVersion, newestVersion, requireVersion, type StoredVersion } from "./versions.ts";

type Request = ApiRequest<Platform, unknown>;

/** `PUT scripts/:script`: a new version, deployed at once; makes the script if need be. */
export async function deployUpload(request: Request): Promise<NewVersion> {
  const change = changeOf(request);
  scriptName(change.scriptName);
  const { upload, code } = await receive(request);
  const created = await changeScript(change, async () => {
    const script = await findScript(change.platform, change.accountId, change.scriptName);
    const draft = await draftOf(change, script, upload, code, { deploy: true, strict: strictInherit(request) });
    return createVersion(change, script, draft, { triggeredBy: "upload", deploy: true, settings: upload.metadata });
  });
  await auditVersion(change, "script.deploy", created);
  return created;
}

/** `POST scripts/:script/versions`: a new version of a script that exists, in ES modules, not deployed. */
export async function storeUpload(request: Request): Promise<NewVersion> {
  const change = changeOf(request);
  await requireWorker(change.platform, change.accountId, change.scriptName);
  const { upload, code } = await receive(request);
  if (code.format === "service-worker") {
    throw invalidUpload(
      "Versions that are not deployed at once need ES modules; this upload is in service-worker format. " +
        "Use `wrangler deploy`, or move to ES modules.",
    );
  }
  const created = await changeScript(change, async () => {
    const script = await requireWorker(change.platform, change.accountId, change.scriptName);
    const draft = await draftOf(change, script, upload, code, { deploy: false, strict: strictInherit(request) });
    return createVersion(change, script, draft, { triggeredBy: "upload", deploy: false });
  });
  await auditVersion(change, "version.upload", created);
  return created;
}

/**
 * A version of the code that a session of remote development runs, deployed to the session's own script, which is made if
 * need be. Variables, secrets and assets are those of the Worker that is being developed, if it exists.
 */
export async function deployToSession(request: Request, session: Change, workerName: string): Promise<NewVersion> {
  const { upload, code } = await receive(request);
  return changeScript(session, async () => {
    const script = await findScript(session.platform, session.accountId, session.scriptName);
    const worker = await findScript(session.platform, session.accountId, workerName);
    const own = await withOwnClasses(session, script, workerName, upload);
    const inheritsFrom = { version: worker && (await developedVersion(session.platform, worker)) };
    const options = { deploy: true, strict: false, inheritsFrom, assetsOf: workerName };
    const draft = await draftOf(session, script, own, code, options);
    return createVersion(session, script, draft, { triggeredBy: "remote_development", deploy: true, kind: "session" });
  });
}

/** What a developer goes on from: the newest version, and of a Pages project, whose newest may be a preview's, production's. */
async function developedVersion(platform: Platform, worker: ScriptRow): Promise<StoredVersion | undefined> {
  if (worker.kind !== "pages") return newestVersion(platform, worker);
  const live = (await activeDeployment(platform, worker))?.shares[0];
  return live && findVersion(platform, worker, live.versionId);
}

/** The client sends no migrations here: classes that the code binds as its own come into being with the session. */
async function withOwnClasses(
  session: Change,
  script: ScriptRow | undefined,
  workerName: string,
  upload: Upload,
): Promise<Upload> {
  const bindings = (upload.metadata.bindings ?? []).map((raw) => {
    const { script_name, ...binding } = (raw ?? {}) as Record<string, unknown>;
    return binding.type === "durable_object_namespace" && script_name === workerName ? binding : raw;
  });
  const bound = bindings.flatMap((raw) => {
    const { type, script_name, class_name } = raw as Record<string, unknown>;
    return type === "durable_object_namespace" && !script_name && typeof class_name === "string" ? [class_name] : [];
  });
  const known = script ? await classesOfScript(session.platform.db, script.id) : [];
  const missing = [...new Set(bound)].filter((name) => !known.some(({ className }) => className === name));
  const metadata = { ...upload.metadata, bindings, exports: undefined };
  if (missing.length === 0) return { ...upload, metadata };
  const migrations = {
    old_tag: script?.migration_tag,
    new_tag: missing.join(),
    steps: [{ new_sqlite_classes: missing }],
  };
  return { ...upload, metadata: { ...metadata, migrations } };
}

async function receive({ raw, platform }: Request): Promise<{ upload: Upload; code: UploadedCode }> {
  const upload = await readUpload(raw, uploadBlobs(platform));
  refuseUnavailable(upload.metadata);
  return { upload, code: uploadedCode(upload) };
}

interface DraftOptions {
  deploy: boolean;
  /** A name that cannot be inherited is an error. */
  strict: boolean;
  /** The version that the bindings and assets go on from; absent: the script's own newest one. */
  inheritsFrom?: { version: StoredVersion | undefined };
  /** Name of the script that the assets were uploaded for; absent: the script's own. */
  assetsOf?: string;
}

/** The draft of an upload. Call inside `changeScript`. Errors: those of bindings, 100152 and 100153 for Tail Workers. */
export async function draftOf(
  change: Change,
  script: ScriptRow | undefined,
  upload: Upload,
  code: UploadedCode,
  { deploy, strict, inheritsFrom, assetsOf }: DraftOptions,
): Promise<VersionDraft> {
  const { platform, accountId, scriptName } = change;
  await checkTailConsumers(change, upload.metadata.tail_consumers);
  const newest = async () => script && (await newestVersion(platform, script));
  const previous = inheritsFrom ? inheritsFrom.version : await newest();
  const { bindings: raws = [], migrations, exports } = upload.metadata;
  const usesExports = declaredClasses(previous?.metadata.exports ?? {}).size > 0;
  const { state, bindable } = await planState(change, script, {
    ...{ bindings: raws, migrations, exports, deploy, usesExports },
  });
  const bindings = await resolveBindings(raws, {
    platform,
    accountId,
    scriptName,
    parts: upload.parts,
    state: bindable,
    previous: previous?.record.bindings ?? [],
    bindingsOf: async (id) => (script ? (await requireVersion(platform, script, id)).record.bindings : []),
    keepTypes: [...alwaysKept, ...(upload.metadata.keep_bindings ?? [])],
    strictInherit: strict,
  });
  if (code.format === "modules") refusePartBindings(bindings);
  const assets = await assetsOfUpload(upload.metadata, {
    platform,
    accountId,
    scriptName: assetsOf ?? scriptName,
    previous,
    hasWorker: code.modules.length > 0,
  });
  return draftOfUpload(scriptName, upload, code, bindings, assets, state);
}

function strictInherit({ query }: Request): boolean {
  return query.get("bindings_inherit") === "strict";
}

export function auditVersion(change: Change, action: string, { version, deployment }: NewVersion): Promise<void> {
  return change.platform.audit({
    accountId: change.accountId,
    actor: change.actor,
    action,
    target: change.scriptName,
    detail: { version_id: version.row.id, ...(deployment && { deployment_id: deployment.row.id }) },
  });
}
