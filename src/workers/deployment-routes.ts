import { route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { changeOf } from "./change.ts";
import { deploymentSchema, deployVersions } from "./deploy-versions.ts";
import { findDeployment, listDeployments } from "./deployments.ts";
import { deploymentNotFound } from "./errors.ts";
import { LISTED_DEPLOYMENTS } from "./limits.ts";
import { presentDeployment } from "./present.ts";
import { presentRollout } from "./rollouts/present.ts";
import { deployWithPlan } from "./rollouts/start.ts";
import { requireScript } from "./scripts.ts";

const deployments = "/accounts/:account/workers/scripts/:script/deployments";

/** Deployments: which versions take a Worker's requests. */
export const deploymentRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: deployments,
    scope: "read",
    summary: "List deployments, newest (the active one) first",
    handle: async ({ platform, accountId, params }) => {
      const script = await requireScript(platform, accountId, params.script ?? "");
      return { deployments: (await listDeployments(platform, script, LISTED_DEPLOYMENTS)).map(presentDeployment) };
    },
  }),
  route({
    method: "POST",
    path: deployments,
    scope: "edit",
    summary: "Deploy one version, or split requests between several; with `plan`, the new one's share grows by itself",
    body: deploymentSchema,
    handle: async (request) => {
      const { plan, ...body } = request.body;
      const change = changeOf(request);
      const force = request.query.get("force") === "true";
      if (!plan) return presentDeployment(await deployVersions(change, body, { force }));
      const { deployment, rollout } = await deployWithPlan(change, body, plan, force);
      return { ...presentDeployment(deployment), plan: presentRollout(rollout) };
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${deployments}/:deployment`,
    scope: "read",
    summary: "Read a deployment",
    handle: async ({ platform, accountId, params }) => {
      const script = await requireScript(platform, accountId, params.script ?? "");
      const deployment = await findDeployment(platform, script, params.deployment ?? "");
      if (!deployment) throw deploymentNotFound(params.deployment ?? "");
      return presentDeployment(deployment);
    },
  }),
];
