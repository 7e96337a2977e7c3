import { route } from "../lib/api.ts";
import { pageResult, readPage } from "../lib/paging.ts";
import { closeTail, filtersOf, openTail, type TailRequest, tailSchema } from "../observe/live/tails.ts";
import { uploadBlobs } from "../products/assets/asset-blobs.ts";
import type { FunctionRoutes } from "../products/assets/routes-json.ts";
import { readSite } from "../products/assets/version-site.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { isClient } from "../workers/change.ts";
import { findVersion } from "../workers/versions.ts";
import { projectChange } from "./change.ts";
import { deleteDeployment, retry, rollback } from "./change-deployments.ts";
import { deployForm } from "./deploy.ts";
import { readDeploymentForm } from "./deployment-form.ts";
import { listDeployments, requireDeployment } from "./deployments.ts";
import { invalidRequest, manifestMissing, nothingToBuild } from "./errors.ts";
import { presentDeployment } from "./present.ts";
import { PROJECTS } from "./project-routes.ts";
import { requireProject, scriptOf } from "./projects.ts";

const deployments = `${PROJECTS}/:project/deployments`;
const one = `${deployments}/:deployment`;

interface Called {
  platform: Platform;
  accountId: string;
  params: Record<string, string>;
}

async function called({ platform, accountId, params }: Called, id = params.deployment ?? "") {
  const project = await requireProject(platform, accountId, params.project ?? "");
  return { project, deployment: await requireDeployment(platform, project, id) };
}

async function present(request: Called, id?: string) {
  const { project, deployment } = await called(request, id);
  return presentDeployment(request.platform, project, deployment);
}

/** Ours: which paths start its code, as the client compiled them; null when there is none. */
async function functionRoutes({ platform, accountId, params }: Called): Promise<FunctionRoutes | null> {
  const script = await scriptOf(platform, await requireProject(platform, accountId, params.project ?? ""));
  const site = (await findVersion(platform, script, params.deployment ?? ""))?.record.assets?.site;
  return (site !== undefined && (await readSite(platform, site)).functionRoutes) || null;
}

/**
 * The client prints an alias only if it ends in the original's domain. Behind `/#` the end is a fragment, which browsers do not
 * send, so what it prints opens.
 */
function forClient(aliases: unknown): unknown {
  return Array.isArray(aliases) ? aliases.map((alias) => `${alias}/#.pages.dev`) : aliases;
}

/** Deployments of Pages projects. */
export const deploymentRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: deployments,
    scope: "read",
    summary: "List a project's deployments, newest first; `env` chooses production or preview",
    handle: async ({ platform, accountId, params, query }) => {
      const page = readPage(query, { default: 25, max: 100 });
      const project = await requireProject(platform, accountId, params.project ?? "");
      const environment = query.get("env") || undefined;
      if (environment !== undefined && environment !== "production" && environment !== "preview")
        throw invalidRequest(
          `"env" is ${JSON.stringify(environment.slice(0, 80))}; it chooses "production" or "preview".`,
        );
      const { deployments, count } = await listDeployments(platform, project, { ...page, environment });
      const rows = await Promise.all(deployments.map((row) => presentDeployment(platform, project, row)));
      return pageResult(page, rows, count);
    },
  }),
  route<Platform>({
    method: "POST",
    path: deployments,
    scope: "edit",
    summary: "Deploy uploaded files, with Functions if there are any",
    handle: async (request) => {
      const name = request.params.project ?? "";
      const { settings } = await requireProject(request.platform, request.accountId, name);
      const form = await readDeploymentForm(request.raw, uploadBlobs(request.platform));
      if (!form.manifest) throw settings.source ? nothingToBuild() : manifestMissing();
      return present(request, await deployForm(projectChange(request), name, form, form.manifest));
    },
  }),
  route<Platform>({
    method: "GET",
    path: one,
    scope: "read",
    summary: "Read a deployment",
    handle: async (request) => {
      const deployment: Record<string, unknown> = {
        ...(await present(request)),
        function_routes: await functionRoutes(request),
      };
      return isClient(request.raw) ? { ...deployment, aliases: forClient(deployment.aliases) } : deployment;
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "edit",
    summary: "Delete a deployment; one that an alias shows only with `force=true`",
    handle: async (request) => {
      const { project = "", deployment = "" } = request.params;
      await deleteDeployment(projectChange(request), project, deployment, request.query.get("force") === "true");
      return null;
    },
  }),
  route<Platform>({
    method: "POST",
    path: `${one}/retry`,
    scope: "edit",
    summary: "Deploy the same files and code again, with what the project has now",
    handle: async (request) => {
      const { project = "", deployment = "" } = request.params;
      return present(request, await retry(projectChange(request), project, deployment));
    },
  }),
  route<Platform>({
    method: "POST",
    path: `${one}/rollback`,
    scope: "edit",
    summary: "Let production serve an earlier (or later) deployment of it",
    handle: async (request) => {
      const { project = "", deployment = "" } = request.params;
      await rollback(projectChange(request), project, deployment);
      return present(request);
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${one}/history/logs`,
    scope: "read",
    summary: "Read a deployment's log",
    handle: async ({ platform, accountId, params }) => {
      const project = await requireProject(platform, accountId, params.project ?? "");
      const { details } = await requireDeployment(platform, project, params.deployment ?? "");
      return { total: details.log.length, includes_container_logs: false, data: details.log };
    },
  }),
  route<Platform, TailRequest>({
    method: "POST",
    path: `${one}/tails`,
    scope: "read",
    summary: "Begin a session of live logs of a deployment",
    body: tailSchema,
    handle: async (request) => {
      const { project, deployment } = await called(request);
      const filters = [...filtersOf(request.body, request.raw), { scriptVersion: deployment.row.id }];
      return openTail(request, (await scriptOf(request.platform, project)).name, { filters });
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: `${one}/tails/:tail`,
    scope: "read",
    summary: "End a session of live logs of a deployment",
    handle: async (request) => {
      const { project } = await called(request);
      await closeTail(request, (await scriptOf(request.platform, project)).name, request.params.tail ?? "");
      return null;
    },
  }),
];
