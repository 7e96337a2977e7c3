import { z } from "zod";
import { type ApiRequest, route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { changeScript, publish } from "../workers/change.ts";
import { attachDomain, type CustomDomain, detachDomain, listDomains } from "../workers/domains.ts";
import { listAliases } from "./aliases.ts";
import { projectChange } from "./change.ts";
import { domainNotFound, invalidRequest } from "./errors.ts";
import { PROJECTS } from "./project-routes.ts";
import { type Project, requireProject, scriptOf } from "./projects.ts";

const domains = `${PROJECTS}/:project/domains`;
const one = `${domains}/:domain`;

const domainSchema = z.looseObject({
  name: z.string(),
  /** Ours: which branch the host shows; absent: production. */
  branch: z.string().optional(),
});

type Request = ApiRequest<Platform, unknown>;

/** Custom domains of a project: host names of its own, for production or a branch (`pages-and-builds.md` 18). */
export const domainRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: domains,
    scope: "read",
    summary: "List a project's custom domains",
    handle: async (request) => {
      const project = await projectOf(request);
      return Promise.all((await domainsOf(request, project)).map((domain) => present(request, project, domain)));
    },
  }),
  route<Platform, z.infer<typeof domainSchema>>({
    method: "POST",
    path: domains,
    scope: "edit",
    summary: "Add a custom domain: of production, or of the branch that `branch` names",
    body: domainSchema,
    handle: (request) => attach(request, request.body),
  }),
  route<Platform>({
    method: "GET",
    path: one,
    scope: "read",
    summary: "Read a custom domain",
    handle: async (request) => {
      const project = await projectOf(request);
      return present(request, project, await domainOf(request, project));
    },
  }),
  route<Platform, { branch?: string | null | undefined } | undefined>({
    method: "PATCH",
    path: one,
    scope: "edit",
    summary: "Let a custom domain show another branch (`branch`; null: production). Without a body nothing changes",
    body: z.looseObject({ branch: z.string().nullish() }).optional(),
    handle: async (request) => {
      const project = await projectOf(request);
      const domain = await domainOf(request, project);
      if (request.body?.branch === undefined) return present(request, project, domain);
      return attach(request, { name: domain.hostname, branch: request.body.branch ?? undefined });
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "edit",
    summary: "Remove a custom domain",
    handle: async (request) => {
      const { platform } = request;
      const change = projectChange(request);
      await changeScript(change, async () => {
        const domain = await domainOf(request, await projectOf(request));
        await detachDomain(platform.db, domain);
        await publish(change);
      });
      return null;
    },
  }),
];

function projectOf({ platform, accountId, params }: Request): Promise<Project> {
  return requireProject(platform, accountId, params.project ?? "");
}

async function domainsOf({ platform, accountId }: Request, project: Project): Promise<CustomDomain[]> {
  return listDomains(platform.db, accountId, await scriptOf(platform, project));
}

async function domainOf(request: Request, project: Project): Promise<CustomDomain> {
  const name = request.params.domain ?? "";
  const domain = (await domainsOf(request, project)).find(({ hostname }) => hostname === name.toLowerCase());
  if (!domain) throw domainNotFound(name);
  return domain;
}

/** Adds the domain, or changes what it shows. */
async function attach(request: Request, { name, branch }: z.infer<typeof domainSchema>): Promise<unknown> {
  const { platform } = request;
  const change = projectChange(request);
  return changeScript(change, async () => {
    const project = await projectOf(request);
    const script = await scriptOf(platform, project);
    const alias = branch === undefined ? undefined : await aliasOf(request, project, branch);
    const domain = await platform.db
      .transaction()
      .execute((db) =>
        attachDomain(db, platform, script, { hostname: name, alias }, { override: false, zoneless: true }),
      );
    await publish(change);
    return present(request, project, domain);
  });
}

/** The alias that shows a branch; undefined for production's, which shows what production serves. */
async function aliasOf({ platform }: Request, project: Project, branch: string): Promise<string | undefined> {
  if (branch === project.row.production_branch) return undefined;
  const found = (await listAliases(platform.db, project)).find((one) => one.branch === branch);
  if (!found)
    throw invalidRequest(`The project has no deployment of the branch "${branch.slice(0, 80)}" yet. Deploy it first.`);
  return found.alias;
}

/** Names and certificates are the operator's and the platform's own business: a domain that is there is active. */
async function present(
  { platform }: Request,
  project: Project,
  domain: CustomDomain,
): Promise<Record<string, unknown>> {
  const branch = (await listAliases(platform.db, project)).find(({ alias }) => alias === domain.alias)?.branch;
  return {
    id: domain.id,
    domain_id: domain.id,
    name: domain.hostname,
    status: "active",
    verification_data: { status: "active" },
    validation_data: { status: "active", method: "http" },
    certificate_authority: "",
    zone_tag: domain.zone_id ?? "",
    branch: branch ?? project.row.production_branch,
    created_on: domain.created_on,
  };
}
