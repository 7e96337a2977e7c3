import { z } from "zod";
import { route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { publish } from "./change.ts";
import { replaceRoutes, routesOfScript } from "./route-rows.ts";
import { requireScript } from "./scripts.ts";
import { scriptOfEnvironment } from "./service-routes.ts";

const script = "/accounts/:account/workers/scripts/:script";

const Routes = z.array(
  z.object({ pattern: z.string(), zone_id: z.string().optional(), zone_name: z.string().optional() }),
);

/** Routes by script. */
export const triggerRoutes: ApiRoute[] = [
  ...[`${script}/routes`, "/accounts/:account/workers/services/:script/environments/:environment/routes"].map((path) =>
    route<Platform>({
      method: "GET",
      path,
      scope: "read",
      summary: "List a Worker's routes",
      handle: async (request) => {
        const { platform, accountId, params } = request;
        const row =
          params.environment === undefined
            ? await requireScript(platform, accountId, params.script ?? "")
            : await scriptOfEnvironment(request);
        return routesOfScript(platform.db, row);
      },
    }),
  ),
  route<Platform, z.infer<typeof Routes>>({
    method: "PUT",
    path: `${script}/routes`,
    scope: "edit",
    summary: "Replace a Worker's routes",
    body: Routes,
    handle: async ({ platform, accountId, params, body }) => {
      const row = await requireScript(platform, accountId, params.script ?? "");
      const routes = await replaceRoutes(platform, row, body);
      await publish({ platform });
      return routes;
    },
  }),
];
