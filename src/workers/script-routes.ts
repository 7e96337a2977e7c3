import { ApiResult, route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { changeOf } from "./change.ts";
import { contentResponse, entryText } from "./content.ts";
import { classesBoundBy, deleteScript } from "./delete-script.ts";
import { shownVersion } from "./edit-content.ts";
import { ENVIRONMENT } from "./limits.ts";
import { messagesOf, presentScript } from "./present.ts";
import { boundBy, servicesOf, tailedBy } from "./references.ts";
import { listScripts, requireScript } from "./scripts.ts";
import { deployUpload } from "./uploads.ts";
import { newestVersions, requireVersion } from "./versions.ts";

const script = "/accounts/:account/workers/scripts/:script";

/** Scripts: upload, download, list, delete, and who uses them. */
export const scriptRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: "/accounts/:account/workers/scripts",
    scope: "read",
    summary: "List the account's Workers",
    handle: async ({ platform, accountId }) => {
      const [scripts, newest] = await Promise.all([
        listScripts(platform, accountId, "worker"),
        newestVersions(platform, accountId),
      ]);
      return scripts.map((row) => presentScript(row, newest.get(row.id)));
    },
  }),
  route<Platform>({
    method: "PUT",
    path: script,
    scope: "edit",
    summary: "Upload a Worker and deploy it",
    handle: async (request) => {
      const { script, version, reconciliation } = await deployUpload(request);
      const withText = request.query.get("excludeScript") !== "true";
      const result = {
        ...presentScript(script, version),
        // The client reads the version's id under this name.
        deployment_id: version.row.id,
        startup_time_ms: version.row.startup_time_ms,
        ...(reconciliation && { exports_reconciliation: reconciliation }),
        ...(withText && { script: await entryText(request.platform, version) }),
      };
      return new ApiResult(result, { messages: messagesOf(version) });
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: script,
    scope: "edit",
    summary: "Delete a Worker with all its versions",
    handle: async (request) => {
      await deleteScript(changeOf(request), request.query.get("force") === "true");
      return null;
    },
  }),
  ...["", "/content", "/content/v2"].map((end) =>
    route<Platform>({
      method: "GET",
      path: `${script}${end}`,
      scope: "read",
      summary: "Download a Worker's code, of the newest version or of `version`",
      handle: ({ platform, accountId, params, query }) =>
        downloadContent(platform, accountId, params.script ?? "", query.get("version")),
    }),
  ),
  route<Platform>({
    method: "GET",
    path: `${script}/references`,
    scope: "read",
    summary: "Who uses a Worker",
    handle: async ({ platform, accountId, params }) => {
      const row = await requireScript(platform, accountId, params.script ?? "");
      const reference = (service: string) => ({ service, environment: ENVIRONMENT });
      return {
        services: {
          incoming: (await boundBy(platform, accountId, row.name)).map(reference),
          outgoing: (await servicesOf(platform, row)).map(reference),
          pages_function: false,
        },
        durable_objects: await classesBoundBy(platform, accountId, row),
        dispatch_outbounds: [],
      };
    },
  }),
  route<Platform>({
    method: "GET",
    path: "/accounts/:account/workers/tails/by-consumer/:script",
    scope: "read",
    summary: "Whose tail a Worker consumes",
    handle: async ({ platform, accountId, params }) => {
      const producers = await tailedBy(platform, accountId, params.script ?? "");
      return producers.map((service) => ({ producer: { service, environment: ENVIRONMENT } }));
    },
  }),
];

/** The code of the newest version (of a Pages project: what production serves), or of the one named. Not in the envelope. */
export async function downloadContent(
  platform: Platform,
  accountId: string,
  name: string,
  versionId: string | null,
): Promise<Response> {
  const row = await requireScript(platform, accountId, name);
  const version = versionId ? await requireVersion(platform, row, versionId) : await shownVersion(platform, row);
  return contentResponse(platform, version);
}
