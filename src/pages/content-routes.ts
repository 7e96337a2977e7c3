import { type ApiRequest, route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { editWorker, readContent } from "../workers/edit-content.ts";
import { presentScript } from "../workers/present.ts";
import { requireScript } from "../workers/scripts.ts";
import { requireVersion } from "../workers/versions.ts";
import { editProject } from "./edit-content.ts";

/** Paths of a script and of its service environment, which older clients use. */
const bases = [
  "/accounts/:account/workers/scripts/:script",
  "/accounts/:account/workers/services/:script/environments/production",
];

/** Editing deployed code in place. Here, since the code may be a project's. */
export const contentRoutes: ApiRoute[] = bases.map((base) =>
  route<Platform>({
    method: "PUT",
    path: `${base}/content`,
    scope: "edit",
    summary:
      "Replace the code of a Worker, or of what a Pages project's production serves, and deploy it; all else stays. " +
      "With `If-Match` only if the code is still the one of that etag",
    handle: edit,
  }),
);

async function edit(request: ApiRequest<Platform, unknown>): Promise<unknown> {
  const { platform, accountId, params } = request;
  const name = params.script ?? "";
  const { kind } = await requireScript(platform, accountId, name);
  const content = await readContent(request);
  const id =
    kind === "pages" ? await editProject(request, content) : (await editWorker(request, content)).version.row.id;
  const script = await requireScript(platform, accountId, name);
  return { ...presentScript(script, await requireVersion(platform, script, id)), deployment_id: id };
}
