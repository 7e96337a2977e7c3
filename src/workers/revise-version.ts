import type { ScriptRow } from "../store/schema.ts";
import { type Change, changeScript } from "./change.ts";
import { createVersion } from "./create-version.ts";
import { activeDeployment } from "./deployments.ts";
import { latestNotDeployed, splitDeployment } from "./errors.ts";
import { requireWorker } from "./scripts.ts";
import type { NewVersion } from "./store-version.ts";
import type { VersionDraft } from "./version-draft.ts";
import { requireNewestVersion, type StoredVersion } from "./versions.ts";

export interface Revision {
  triggeredBy: string;
  /** Deploy the new version; needs that the newest one is deployed to all traffic. */
  deploy: boolean;
  /** Code of the refusal: 10215 for secrets, 10214 for settings. */
  refusalCode?: 10214 | 10215;
  settings?: Record<string, unknown>;
  /** The draft from the newest version; undefined when nothing would change. */
  draft(newest: StoredVersion): Promise<VersionDraft | undefined> | VersionDraft | undefined;
}

export type Revised = { script: ScriptRow; version: StoredVersion; created?: NewVersion };

/** Makes a version that differs from the newest one in its settings, not in its code. Errors: 10007, 10222, 10214, 10215. */
export function reviseVersion(change: Change, revision: Revision): Promise<Revised> {
  return changeScript(change, async () => {
    const script = await requireWorker(change.platform, change.accountId, change.scriptName);
    const newest = await requireNewestVersion(change.platform, script);
    if (revision.deploy) await checkDeployed(change, script, newest, revision.refusalCode ?? 10215);
    const draft = await revision.draft(newest);
    if (!draft) return { script, version: newest };
    const { triggeredBy, deploy, settings } = revision;
    const created = await createVersion(change, script, draft, { triggeredBy, deploy, ...(settings && { settings }) });
    return { script: created.script, version: created.version, created };
  });
}

async function checkDeployed(
  { platform }: Change,
  script: ScriptRow,
  newest: StoredVersion,
  code: 10214 | 10215,
): Promise<void> {
  const shares = (await activeDeployment(platform, script))?.shares ?? [];
  if (shares.length > 1) throw splitDeployment(code);
  if (shares[0]?.versionId !== newest.row.id) throw latestNotDeployed(code);
}
