import { z } from "zod";
import { route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { requireScript } from "./scripts.ts";
import { scriptOfEnvironment } from "./service-routes.ts";
import { refuseTriggers } from "./unsupported.ts";

const script = "/accounts/:account/workers/scripts/:script";

/**
 * Routes, custom domains and crons: there are none yet. Empty lists are fine both ways;
 * anything else is refused, never dropped.
 */
export const triggerRoutes: ApiRoute[] = [
  ...[`${script}/routes`, "/accounts/:account/workers/services/:script/environments/:environment/routes"].map((path) =>
    route<Platform>({
      method: "GET",
      path,
      scope: "read",
      summary: "List a Worker's routes",
      handle: async (request) => {
        if (request.params.environment !== undefined) await scriptOfEnvironment(request);
        else await requireScript(request.platform, request.accountId, request.params.script ?? "");
        return [];
      },
    }),
  ),
  route({
    method: "PUT",
    path: `${script}/routes`,
    scope: "edit",
    summary: "Replace a Worker's routes",
    body: z.array(z.unknown()),
    handle: async ({ platform, accountId, params, body }) => {
      await requireScript(platform, accountId, params.script ?? "");
      refuseTriggers(body, "Routes on your own domains are");
      return [];
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${script}/schedules`,
    scope: "read",
    summary: "List a Worker's cron triggers",
    handle: async ({ platform, accountId, params }) => {
      await requireScript(platform, accountId, params.script ?? "");
      return { schedules: [] };
    },
  }),
  route({
    method: "PUT",
    path: `${script}/schedules`,
    scope: "edit",
    summary: "Replace a Worker's cron triggers",
    // The client sends a list, the original's documentation also knows `{ schedules }`.
    body: z.union([z.array(z.unknown()), z.looseObject({ schedules: z.array(z.unknown()) })]),
    handle: async ({ platform, accountId, params, body }) => {
      await requireScript(platform, accountId, params.script ?? "");
      refuseTriggers(Array.isArray(body) ? body : body.schedules, "Cron triggers are");
      return { schedules: [] };
    },
  }),
  ...["/accounts/:account/workers/domains", "/accounts/:account/workers/domains/records"].map((path) =>
    route<Platform>({
      method: "GET",
      path,
      scope: "read",
      summary: "List custom domains",
      handle: () => [],
    }),
  ),
  route({
    method: "PUT",
    path: `${script}/domains/records`,
    scope: "edit",
    summary: "Replace a Worker's custom domains",
    body: z.looseObject({ origins: z.array(z.unknown()) }),
    handle: async ({ platform, accountId, params, body }) => {
      await requireScript(platform, accountId, params.script ?? "");
      refuseTriggers(body.origins, "Custom domains are");
      return [];
    },
  }),
  route({
    method: "POST",
    path: `${script}/domains/changeset`,
    scope: "read",
    summary: "What replacing a Worker's custom domains would change",
    body: z.array(z.unknown()),
    handle: async ({ platform, accountId, params, body }) => {
      await requireScript(platform, accountId, params.script ?? "");
      refuseTriggers(body, "Custom domains are");
      return { added: [], removed: [], updated: [], conflicting: [] };
    },
  }),
];
