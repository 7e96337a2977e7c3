import type { z } from "zod";
import { type ApiRequest, route } from "../lib/api.ts";
import { pageResult, readPage } from "../lib/paging.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { changeScript } from "../workers/change.ts";
import { refuseUsed, removeScript } from "../workers/delete-script.ts";
import { listDomains } from "../workers/domains.ts";
import { projectChange } from "./change.ts";
import { createProject, patchProject, projectCreateSchema, projectPatchSchema } from "./change-projects.ts";
import { domainsLeft, noRepository } from "./errors.ts";
import { presentProject } from "./present.ts";
import { listProjects, type Project, requireProject, scriptOf } from "./projects.ts";
import { refuseOther, type SourcePatch, sourceSchema } from "./source.ts";

export const PROJECTS = "/accounts/:account/pages/projects";
const project = `${PROJECTS}/:project`;

/** Pages projects: list, make, read, change, delete. */
export const projectRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: PROJECTS,
    scope: "read",
    summary: "List the account's Pages projects, newest first",
    handle: async ({ platform, accountId, query }) => {
      const page = readPage(query, { default: 10, max: 100 });
      const { projects, count } = await listProjects(platform, accountId, page);
      return pageResult(page, await Promise.all(projects.map((one) => presentProject(platform, one))), count);
    },
  }),
  route<Platform, z.infer<typeof projectCreateSchema>>({
    method: "POST",
    path: PROJECTS,
    scope: "edit",
    summary: "Make a Pages project",
    body: projectCreateSchema,
    handle: async (request) => {
      const created = await createProject({ ...projectChange(request), scriptName: "" }, request.body);
      return presentProject(request.platform, created);
    },
  }),
  route<Platform>({
    method: "GET",
    path: project,
    scope: "read",
    summary: "Read a Pages project",
    handle: async ({ platform, accountId, params }) =>
      presentProject(platform, await requireProject(platform, accountId, params.project ?? "")),
  }),
  route<Platform, z.infer<typeof projectPatchSchema>>({
    method: "PATCH",
    path: project,
    scope: "edit",
    summary: "Change a Pages project: what is named; null takes away. Deployments have it from the next one on",
    body: projectPatchSchema,
    handle: async (request) => {
      const changed = await patchProject(projectChange(request), request.params.project ?? "", request.body);
      return presentProject(request.platform, changed);
    },
  }),
  route<Platform, SourcePatch>({
    method: "POST",
    path: `${project}/source`,
    scope: "edit",
    summary: "Connect a repository: stored and shown, nothing is built from it yet",
    body: sourceSchema,
    handle: (request) =>
      changeSource(request, request.body, ({ settings }) => refuseOther(settings.source, request.body)),
  }),
  route<Platform>({
    method: "DELETE",
    path: `${project}/source`,
    scope: "edit",
    summary: "Disconnect a project from its repository",
    handle: (request) =>
      changeSource(request, null, ({ row, settings }) => {
        if (!settings.source) throw noRepository(row.name, "There is nothing to disconnect.");
      }),
  }),
  route<Platform>({
    method: "POST",
    path: `${project}/purge_build_cache`,
    scope: "edit",
    summary: "Forget what builds of the project have cached: nothing, as long as there are no builds",
    handle: async ({ platform, accountId, params }) => {
      await requireProject(platform, accountId, params.project ?? "");
      return null;
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: project,
    scope: "edit",
    summary: "Delete a Pages project with all its deployments and state",
    handle: async (request) => {
      const { platform, accountId, actor, params } = request;
      const change = projectChange(request);
      const name = params.project ?? "";
      await changeScript(change, async () => {
        const script = await scriptOf(platform, await requireProject(platform, accountId, name));
        const custom = await listDomains(platform.db, accountId, script);
        if (custom.length > 0) throw domainsLeft(custom.map(({ hostname }) => hostname));
        if (request.query.get("force") !== "true") await refuseUsed(change, script);
        await removeScript(change, script);
      });
      await platform.audit({ accountId, actor, action: "pages.delete-project", target: name });
      return null;
    },
  }),
];

async function changeSource(
  request: ApiRequest<Platform, unknown>,
  source: SourcePatch | null,
  check: (before: Project) => void,
): Promise<unknown> {
  const { platform, accountId, params } = request;
  const name = params.project ?? "";
  check(await requireProject(platform, accountId, name));
  return presentProject(platform, await patchProject(projectChange(request), name, { source }));
}
