import { z } from "zod";
import { type ApiRequest, route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { changeScript, publish } from "../workers/change.ts";
import { addAlias, listAliases, removeAlias } from "./aliases.ts";
import { projectChange } from "./change.ts";
import { checkedAlias, checkedBranch, projectHost } from "./names.ts";
import { PROJECTS } from "./project-routes.ts";
import { type Project, requireProject } from "./projects.ts";

const aliases = `${PROJECTS}/:project/aliases`;
const one = `${aliases}/:alias`;

/** Aliases of branches: the one that each has by itself, and those that people give. Ours; the original has them in its dashboard. */
export const aliasRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: aliases,
    scope: "read",
    summary: "List the aliases of a project's branches",
    handle: async ({ platform, accountId, params }) =>
      present(platform, await requireProject(platform, accountId, params.project ?? "")),
  }),
  route<Platform, { branch: string }>({
    method: "PUT",
    path: one,
    scope: "edit",
    summary: "Give a branch one more alias: `<alias>.<project>.pages.<base>` shows its newest deployment from now on",
    body: z.strictObject({ branch: z.string() }),
    handle: (request) =>
      changed(request, (db, project) =>
        addAlias(db, project, checkedAlias(request.params.alias ?? ""), checkedBranch(request.body.branch)),
      ),
  }),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "edit",
    summary: "Take away an alias that was given by name",
    handle: (request) => changed(request, (db, project) => removeAlias(db, project, request.params.alias ?? "")),
  }),
];

function changed(
  request: ApiRequest<Platform, unknown>,
  task: (db: Platform["db"], project: Project) => Promise<void>,
): Promise<unknown> {
  const { platform, accountId, params } = request;
  const change = projectChange(request);
  return changeScript(change, async () => {
    const project = await requireProject(platform, accountId, params.project ?? "");
    await platform.db.transaction().execute((db) => task(db, project));
    await publish(change);
    return present(platform, project);
  });
}

async function present({ db, config }: Platform, project: Project): Promise<unknown> {
  return (await listAliases(db, project)).map(({ alias, branch, custom, created_on }) => ({
    alias,
    branch,
    custom: custom === 1,
    url: `https://${projectHost(config, `${alias}.${project.row.label}`)}`,
    created_on,
  }));
}
