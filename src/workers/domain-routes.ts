import { z } from "zod";
import { type ApiRequest, route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { publish } from "./change.ts";
import {
  attachDomain,
  type CustomDomain,
  changesOfDomains,
  detachDomain,
  listDomains,
  replaceDomains,
  requireDomain,
} from "./domains.ts";
import { ENVIRONMENT } from "./limits.ts";
import { requireScript } from "./scripts.ts";

const account = "/accounts/:account/workers/domains";
const script = "/accounts/:account/workers/scripts/:script/domains";

const Wish = z.object({
  hostname: z.string(),
  zone_id: z.string().optional(),
  zone_name: z.string().optional(),
  enabled: z.boolean().optional(),
  previews_enabled: z.boolean().optional(),
});
const Attach = Wish.extend({ service: z.string() });
const Records = z.object({ origins: z.array(Wish).max(1000), override_existing_origin: z.boolean().optional() });

/** Custom domains: host names that are a Worker's own (workers-semantics.md 1.3, wrangler-api.md 2.10). */
export const domainRoutes: ApiRoute[] = [
  ...[account, `${account}/records`].map((list) =>
    route<Platform>({
      method: "GET",
      path: list,
      scope: "read",
      summary: "List custom domains; `hostname`, `service`, `zone_id`, `zone_name`",
      handle: async ({ platform, accountId, query }) => {
        const shown = (await listDomains(platform.db, accountId)).map(present);
        const filters = ["hostname", "service", "zone_id", "zone_name"].filter((name) => query.get(name));
        return shown.filter((domain) => filters.every((name) => domain[name] === query.get(name)));
      },
    }),
  ),
  ...[account, `${account}/records`].map((list) =>
    route<Platform>({
      method: "GET",
      path: `${list}/:domain`,
      scope: "read",
      summary: "Read a custom domain",
      handle: async (request) => present(await domainOf(request)),
    }),
  ),
  route<Platform, z.infer<typeof Attach>>({
    method: "PUT",
    path: account,
    scope: "edit",
    summary: "Make a host name a Worker's own, whoever of the account had it",
    body: Attach,
    handle: async ({ platform, accountId, body }) => {
      const owner = await requireScript(platform, accountId, body.service);
      const domain = await platform.db
        .transaction()
        .execute((db) => attachDomain(db, platform, owner, body, { override: true }));
      await publish({ platform });
      return present(domain);
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: `${account}/:domain`,
    scope: "edit",
    summary: "Take a custom domain from its Worker",
    handle: async (request) => {
      await detachDomain(request.platform.db, await domainOf(request));
      await publish(request);
      return null;
    },
  }),
  route<Platform, z.infer<typeof Records>>({
    method: "PUT",
    path: `${script}/records`,
    scope: "edit",
    summary: "Replace a Worker's custom domains",
    body: Records,
    handle: async ({ platform, accountId, params, body }) => {
      const owner = await requireScript(platform, accountId, params.script ?? "");
      const override = body.override_existing_origin === true;
      const domains = await replaceDomains(platform, owner, body.origins, { override });
      await publish({ platform });
      return domains.map(present);
    },
  }),
  route<Platform, z.infer<typeof Wish>[]>({
    method: "POST",
    path: `${script}/changeset`,
    scope: "read",
    summary: "What replacing a Worker's custom domains would change",
    body: z.array(Wish).max(1000),
    audited: false,
    handle: async ({ platform, accountId, params, query, body }) => {
      const owner = await requireScript(platform, accountId, params.script ?? "");
      const changes = await changesOfDomains(platform, owner, body, query.get("replace_state") === "true");
      return {
        added: changes.added.map(({ enabled = true, previews_enabled = false, ...wish }) => ({
          ...wish,
          enabled,
          previews_enabled,
        })),
        removed: changes.removed.map(present),
        updated: changes.updated.map((domain) => ({ ...present(domain), modified: domain.modified })),
        // There are no DNS records here that could be in the way.
        conflicting: [],
      };
    },
  }),
];

function domainOf({ platform, accountId, params }: ApiRequest<Platform, unknown>): Promise<CustomDomain> {
  return requireDomain(platform.db, accountId, params.domain ?? "");
}

function present(domain: CustomDomain): Record<string, unknown> {
  return {
    id: domain.id,
    hostname: domain.hostname,
    service: domain.service,
    environment: ENVIRONMENT,
    zone_id: domain.zone_id,
    zone_name: domain.zone_name,
    cert_id: "",
    enabled: domain.enabled === 1,
    previews_enabled: domain.previews_enabled === 1,
  };
}
