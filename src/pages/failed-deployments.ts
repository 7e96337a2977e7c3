/** Deployments that came to no version are kept for a while, with what was uploaded for them, so that they can be tried again. */
import { type KeptUpload, keepUpload, readKeptUpload } from "../products/assets/kept-uploads.ts";
import type { PagesFiles } from "../products/assets/pages-site.ts";
import type { Platform } from "../store/platform.ts";
import type { UploadedCode } from "../workers/version-draft.ts";
import { type DeploymentContent, withoutBindings } from "./deployment-draft.ts";
import type { Deployment } from "./deployments.ts";
import { deploymentGone } from "./errors.ts";
import { FAILED_DEPLOYMENT_DAYS, MAX_FAILED_DEPLOYMENTS } from "./limits.ts";

/** What a {@link DeploymentContent} has that the deployment's row has not. */
interface Kept extends KeptUpload {
  files: PagesFiles;
  code: UploadedCode;
  metadata: DeploymentContent["metadata"];
  file?: DeploymentContent["file"];
}

type Parts = Pick<Platform, "db" | "blobs">;

/** Key of the blob that a failed deployment's row must name. */
export function keepContent(
  parts: Parts,
  accountId: string,
  { manifest, files, code, metadata, file }: DeploymentContent,
): Promise<string> {
  const kept: Kept = {
    accountId,
    manifest,
    blobs: code.modules.map(({ blob }) => blob),
    files,
    code,
    // Without a wrangler file its bindings are not used, and may be secret.
    metadata: file ? metadata : withoutBindings(metadata),
    ...(file && { file }),
  };
  return keepUpload(parts, kept);
}

/** What a failed deployment was to be made of. Error 8000117 when it is no longer kept. */
export async function keptContent(parts: Parts, { row, details }: Deployment): Promise<DeploymentContent> {
  if (row.upload === null) throw deploymentGone();
  const { manifest, files, code, metadata, file } = await readKeptUpload<Kept>(parts, row.upload);
  const { trigger, routing } = details;
  return {
    trigger,
    manifest,
    files,
    code,
    metadata,
    ...(file && { file }),
    ...(routing !== undefined && { routing }),
  };
}

/** Forgets a project's failed deployments but the newest. What they had uploaded is collected later. */
export async function limitFailed(db: Platform["db"], projectId: string): Promise<void> {
  await db
    .deleteFrom("pages_deployments")
    .where("id", "in", (of) =>
      of
        .selectFrom("pages_deployments")
        .select("id")
        .where("project_id", "=", projectId)
        .where("upload", "is not", null)
        .orderBy("created_on", "desc")
        .orderBy("id", "desc")
        // SQLite has no offset without a limit.
        .limit(1_000_000)
        .offset(MAX_FAILED_DEPLOYMENTS),
    )
    .execute();
}

/** Forgets failed deployments of all projects that are too old. */
export async function forgetFailed(db: Platform["db"], nowMs = Date.now()): Promise<void> {
  const before = new Date(nowMs - FAILED_DEPLOYMENT_DAYS * 86_400_000).toISOString();
  await db.deleteFrom("pages_deployments").where("upload", "is not", null).where("created_on", "<", before).execute();
}
