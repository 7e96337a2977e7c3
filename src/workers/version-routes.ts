import { keptVersions } from "../domain/script-kind.ts";
import { ApiResult, route } from "../lib/api.ts";
import { pageResult, readPage } from "../lib/paging.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { changeOf } from "./change.ts";
import { messagesOf, presentVersion } from "./present.ts";
import { requireScript } from "./scripts.ts";
import { patchNewestVersion, versionPatchSchema } from "./secrets.ts";
import { storeUpload } from "./uploads.ts";
import { countVersions, listVersions, requireVersion } from "./versions.ts";

/** Versions in one answer, at most. */
const MAX_PAGE = 100;

const versions = "/accounts/:account/workers/scripts/:script/versions";

/** Versions: upload without deploying, list, read, and the patch of the newest. */
export const versionRoutes: ApiRoute[] = [
  route<Platform>({
    method: "POST",
    path: versions,
    scope: "edit",
    summary: "Upload a version without deploying it",
    handle: async (request) => {
      const { script, version, reconciliation } = await storeUpload(request);
      const result = {
        ...presentVersion(script, version),
        ...(reconciliation && { exports_reconciliation: reconciliation }),
      };
      return new ApiResult(result, { messages: messagesOf(version) });
    },
  }),
  route<Platform>({
    method: "GET",
    path: versions,
    scope: "read",
    summary: "List versions, newest first; with `deployable=true` only those that can be deployed",
    handle: async ({ platform, accountId, params, query }) => {
      const script = await requireScript(platform, accountId, params.script ?? "");
      const deployable = query.get("deployable") === "true";
      const page = readPage(query, { default: deployable ? MAX_PAGE : 20, max: MAX_PAGE });
      const within = deployable ? keptVersions[script.kind] : Number.POSITIVE_INFINITY;
      const rows = await listVersions(platform, script, page, within);
      const items = rows.map((version) => presentVersion(script, version));
      const { resultInfo } = pageResult(page, items, Math.min(await countVersions(platform, script), within));
      return new ApiResult({ items }, resultInfo && { resultInfo });
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${versions}/:version`,
    scope: "read",
    summary: "Read a version",
    handle: async ({ platform, accountId, params }) => {
      const script = await requireScript(platform, accountId, params.script ?? "");
      return presentVersion(script, await requireVersion(platform, script, params.version ?? ""));
    },
  }),
  route({
    method: "PATCH",
    path: "/accounts/:account/workers/workers/:script/versions/latest",
    scope: "edit",
    summary: "Make a version from the newest one with other secrets, without deploying it",
    body: versionPatchSchema,
    handle: async (request) => {
      const { script, version } = await patchNewestVersion(changeOf(request), request.body);
      return presentVersion(script, version);
    },
  }),
];
