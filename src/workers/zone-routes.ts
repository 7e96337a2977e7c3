import { z } from "zod";
import { type ApiRequest, route } from "../lib/api.ts";
import { pageResult, readPage } from "../lib/paging.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import type { ZoneRow } from "../store/schema.ts";
import { publish } from "./change.ts";
import { deleteRoute, requireRoute, routesOfZone, type ShownRoute, saveRoute } from "./route-rows.ts";
import { requireScript } from "./scripts.ts";
import { createZone, deleteZone, listZones, requireZone } from "./zones.ts";

const one = "/zones/:zone";
const routes = `${one}/workers/routes`;
const single = `${routes}/:route`;

const NewZone = z.object({ name: z.string(), account: z.object({ id: z.string().optional() }).optional() });
/** Without a script the route negates less specific ones. */
const RouteBody = z.object({
  pattern: z.string(),
  script: z.string().nullish(),
  request_limit_fail_open: z.boolean().optional(),
});

/** Zones, which are names here and nothing more, and the routes on them (workers-semantics.md 1.2). */
export const zoneRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: "/zones",
    scope: "read",
    summary: "List zones; `name` is a whole name",
    handle: async ({ platform, accountId, query }) => {
      const page = readPage(query);
      const account = query.get("account.id");
      // Of another account's zones the token may see none.
      const found =
        account && account !== accountId
          ? { rows: [], total: 0 }
          : await listZones(platform.db, accountId, page, query.get("name") || undefined);
      const shown = await present(platform, accountId);
      return pageResult(page, found.rows.map(shown), found.total);
    },
  }),
  route<Platform, z.infer<typeof NewZone>>({
    method: "POST",
    path: "/zones",
    scope: "admin",
    summary: "Create a zone",
    body: NewZone,
    handle: async ({ platform, accountId, body }) => {
      const zone = await createZone(platform, accountId, body.name);
      await publish({ platform });
      return (await present(platform, accountId))(zone);
    },
  }),
  route<Platform>({
    method: "GET",
    path: one,
    scope: "read",
    summary: "Read a zone",
    handle: async (request) => (await present(request.platform, request.accountId))(await zoneOf(request)),
  }),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "admin",
    summary: "Delete a zone with its routes and custom domains",
    handle: async (request) => {
      const zone = await zoneOf(request);
      await deleteZone(request.platform, zone);
      await publish(request);
      return { id: zone.id };
    },
  }),
  route<Platform>({
    method: "GET",
    path: routes,
    scope: "read",
    summary: "List a zone's routes",
    handle: async (request) => (await routesOfZone(request.platform.db, await zoneOf(request))).map(presentRoute),
  }),
  route<Platform, z.infer<typeof RouteBody>>({
    method: "POST",
    path: routes,
    scope: "edit",
    summary: "Create a route; without a script it keeps requests from less specific ones",
    body: RouteBody,
    handle: async (request) => presentRoute(await save(request)),
  }),
  route<Platform>({
    method: "GET",
    path: single,
    scope: "read",
    summary: "Read a route",
    handle: async (request) => presentRoute(await routeOf(request)),
  }),
  route<Platform, z.infer<typeof RouteBody>>({
    method: "PUT",
    path: single,
    scope: "edit",
    summary: "Change a route's pattern and script",
    body: RouteBody,
    handle: async (request) => presentRoute(await save(request, (await routeOf(request)).id)),
  }),
  route<Platform>({
    method: "DELETE",
    path: single,
    scope: "edit",
    summary: "Delete a route",
    handle: async (request) => {
      const row = await routeOf(request);
      await deleteRoute(request.platform, row);
      await publish(request);
      return { id: row.id };
    },
  }),
];

async function save(request: ApiRequest<Platform, z.infer<typeof RouteBody>>, id?: string): Promise<ShownRoute> {
  const { platform, accountId, body } = request;
  const zone = await zoneOf(request);
  const script = body.script ? await requireScript(platform, accountId, body.script) : undefined;
  const { pattern, request_limit_fail_open: failOpen } = body;
  const saved = await saveRoute(platform, zone, { ...(id !== undefined && { id }), pattern, script, failOpen });
  await publish(request);
  return saved;
}

function zoneOf({ platform, accountId, params }: ApiRequest<Platform, unknown>): Promise<ZoneRow> {
  return requireZone(platform.db, accountId, params.zone ?? "");
}

async function routeOf(request: ApiRequest<Platform, unknown>): Promise<ShownRoute> {
  return requireRoute(request.platform.db, await zoneOf(request), request.params.route ?? "");
}

function presentRoute({ id, pattern, script, request_limit_fail_open }: ShownRoute): Record<string, unknown> {
  return { id, pattern, script, request_limit_fail_open };
}

/** Zones as clients know them. All are active: names are no business of this platform's own DNS, which it has not. */
async function present(platform: Platform, accountId: string): Promise<(zone: ZoneRow) => Record<string, unknown>> {
  const { name } = await platform.db
    .selectFrom("accounts")
    .select("name")
    .where("id", "=", accountId)
    .executeTakeFirstOrThrow();
  return (zone) => ({
    id: zone.id,
    name: zone.name,
    status: "active",
    paused: false,
    type: "full",
    development_mode: 0,
    name_servers: [],
    original_name_servers: null,
    account: { id: zone.account_id, name },
    created_on: zone.created_on,
    activated_on: zone.created_on,
    modified_on: zone.created_on,
  });
}
