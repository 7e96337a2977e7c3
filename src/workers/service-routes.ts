import { type ApiRequest, route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { changeOf } from "./change.ts";
import { deleteScript } from "./delete-script.ts";
import { environmentNotFound } from "./errors.ts";
import { ENVIRONMENT } from "./limits.ts";
import { presentEnvironment, presentService, presentSettings } from "./present.ts";
import { downloadContent } from "./script-routes.ts";
import { requireScript } from "./scripts.ts";
import { newestVersion } from "./versions.ts";

const service = "/accounts/:account/workers/services/:script";
const environment = `${service}/environments/:environment`;

/** Scripts under their older name, "services", each with one environment. */
export const serviceRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: service,
    scope: "read",
    summary: "Read what clients check before a deploy",
    handle: async ({ platform, accountId, params }) => {
      const script = await requireScript(platform, accountId, params.script ?? "");
      return presentService(script, await newestVersion(platform, script));
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: service,
    scope: "edit",
    summary: "Delete a Worker with all its versions",
    handle: async (request) => {
      await deleteScript(changeOf(request), request.query.get("force") === "true");
      return null;
    },
  }),
  route<Platform>({
    method: "GET",
    path: environment,
    scope: "read",
    summary: "Read the environment",
    handle: async (request) => {
      const script = await scriptOfEnvironment(request);
      return presentEnvironment(script, await newestVersion(request.platform, script));
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${environment}/bindings`,
    scope: "read",
    summary: "List the newest version's bindings",
    handle: async (request) => {
      const script = await scriptOfEnvironment(request);
      return presentSettings(script, await newestVersion(request.platform, script)).bindings;
    },
  }),
  ...["/content", "/content/v2"].map((end) =>
    route<Platform>({
      method: "GET",
      path: `${environment}${end}`,
      scope: "read",
      summary: "Download the newest version's code",
      handle: async (request) => {
        const { name } = await scriptOfEnvironment(request);
        return downloadContent(request.platform, request.accountId, name, request.query.get("version"));
      },
    }),
  ),
];

/** The script; error 10007, or 10092 for an environment it cannot have. */
export function scriptOfEnvironment({ platform, accountId, params }: ApiRequest<Platform, unknown>) {
  if (params.environment !== ENVIRONMENT) throw environmentNotFound(params.environment ?? "");
  return requireScript(platform, accountId, params.script ?? "");
}
