import { route } from "../../lib/api.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { changeOf } from "../change.ts";
import { operateRollout, requireRollout, rolloutActions } from "./operate.ts";
import { planSchema } from "./plan.ts";
import { presentRollout } from "./present.ts";
import { planDeployment } from "./start.ts";

const plan = "/accounts/:account/workers/scripts/:script/deployments/:deployment/plan";

const summaries = {
  pause: "Let a plan's time stand still; its guard goes on",
  resume: "Let a plan go on",
  promote: "End a plan with all requests to the new version",
  abort: "End a plan with all requests to the stable version",
};

/** Plans by which a deployment moves on by itself. Any deployment that a plan made stands for it. */
export const rolloutRoutes: ApiRoute[] = [
  route({
    method: "PUT",
    path: plan,
    scope: "edit",
    summary: "Give the active deployment a plan by which it moves on by itself",
    body: planSchema,
    handle: async (request) =>
      presentRollout(await planDeployment(changeOf(request), request.params.deployment ?? "", request.body)),
  }),
  route<Platform>({
    method: "GET",
    path: plan,
    scope: "read",
    summary: "Read a deployment's plan: its step, when the next one comes, and what was measured",
    handle: async (request) => presentRollout(await requireRollout(changeOf(request), request.params.deployment ?? "")),
  }),
  ...rolloutActions.map((action) =>
    route<Platform>({
      method: "POST",
      path: `${plan}/${action}`,
      scope: "edit",
      summary: summaries[action],
      handle: async (request) =>
        presentRollout(await operateRollout(changeOf(request), request.params.deployment ?? "", action)),
    }),
  ),
];
