import type { ApiRequest } from "../lib/api.ts";
import type { Platform } from "../store/platform.ts";
import { changeOf } from "../workers/change.ts";
import { activeDeployment } from "../workers/deployments.ts";
import type { NewContent } from "../workers/edit-content.ts";
import { splitDeployment } from "../workers/errors.ts";
import { PAGES_SCRIPT_PREFIX } from "../workers/limits.ts";
import { requireVersion } from "../workers/versions.ts";
import { contentOf, deployTo } from "./deploy.ts";
import { requireDeployment } from "./deployments.ts";
import { nothingToEdit } from "./errors.ts";
import { type Project, scriptOf } from "./projects.ts";

/**
 * A new deployment to production: other code, and all else of what production serves, its bindings and compatibility too. What
 * changed in the project since comes with the next deployment from outside. Answers its id. Errors: 8000007, 8000120, 10214 for a split, 100151, those of an upload.
 */
export function editProject(
  request: ApiRequest<Platform, unknown>,
  { upload, code, checkUnchanged }: NewContent,
): Promise<string> {
  const change = changeOf(request);
  const { platform, scriptName } = change;
  const name = scriptName.slice(PAGES_SCRIPT_PREFIX.length);
  const edited = async (project: Project) => {
    const script = await scriptOf(platform, project);
    const [live, ...more] = (await activeDeployment(platform, script))?.shares ?? [];
    if (!live) throw nothingToEdit();
    if (more.length > 0) throw splitDeployment(10214);
    const version = await requireVersion(platform, script, live.versionId);
    checkUnchanged(version);
    const { details } = await requireDeployment(platform, project, live.versionId);
    const content = await contentOf(platform, version, details);
    const configuredAs = { version, environment: details.environment };
    const message = upload.metadata.annotations?.["workers/message"];
    const metadata = {
      ...details.trigger.metadata,
      branch: project.row.production_branch,
      // The code is no longer that of the commit.
      commit_dirty: true,
      ...(message && { commit_message: message }),
    };
    // With its settings, which a deployment of the same again may still need.
    return { ...content, metadata: details.metadata, code, configuredAs, trigger: { type: "ad_hoc", metadata } };
  };
  return deployTo(change, name, edited, { refuse: true });
}
