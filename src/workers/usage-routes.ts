import { z } from "zod";
import { route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { requireScript } from "./scripts.ts";

const usageModel = "/accounts/:account/workers/scripts/:script/usage-model";
const accountSettings = "/accounts/:account/workers/account-settings";

/** There is one usage model, as there is nothing to bill; other ones may be asked for and change nothing. */
const presentUsage = () => ({ usage_model: "standard" });
const presentAccountSettings = () => ({ default_usage_model: "standard", green_compute: false });

export const usageRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: usageModel,
    scope: "read",
    summary: "Read a Worker's usage model",
    handle: async ({ platform, accountId, params }) => {
      await requireScript(platform, accountId, params.script ?? "");
      return presentUsage();
    },
  }),
  route({
    method: "PUT",
    path: usageModel,
    scope: "edit",
    summary: "Accepted; the usage model is always `standard`",
    body: z.looseObject({ usage_model: z.enum(["standard", "bundled", "unbound"]) }),
    handle: async ({ platform, accountId, params }) => {
      await requireScript(platform, accountId, params.script ?? "");
      return presentUsage();
    },
  }),
  route<Platform>({
    method: "GET",
    path: accountSettings,
    scope: "read",
    summary: "Read the account's defaults for Workers",
    handle: presentAccountSettings,
  }),
  route({
    method: "PUT",
    path: accountSettings,
    scope: "edit",
    summary: "Accepted; the defaults are always the same",
    body: z.looseObject({}),
    handle: presentAccountSettings,
  }),
];
