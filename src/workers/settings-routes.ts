import { route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { changeOf } from "./change.ts";
import { scriptSettingsSchema } from "./metadata.ts";
import { withoutMissing } from "./missing-resources.ts";
import { presentScriptSettings, presentSettings } from "./present.ts";
import { requireScript } from "./scripts.ts";
import { changeScriptSettings, changeSettings, readSettingsPatch } from "./settings.ts";
import { changeSubdomain, presentSubdomain, subdomainSchema } from "./subdomain.ts";
import { newestVersion } from "./versions.ts";

/** Paths of a script and of its service environment, which older clients use (`wrangler-api.md` 11). */
const bases = [
  "/accounts/:account/workers/scripts/:script",
  "/accounts/:account/workers/services/:script/environments/production",
];

/** Settings of a script and its newest version, script settings, and whether its host names answer. */
export const settingsRoutes: ApiRoute[] = bases.flatMap((base) => [
  route<Platform>({
    method: "GET",
    path: `${base}/settings`,
    scope: "read",
    summary: "Read bindings and other settings of the newest version, and the script's own",
    handle: async (request) => {
      const { platform, accountId, params } = request;
      const script = await requireScript(platform, accountId, params.script ?? "");
      const version = await newestVersion(platform, script);
      return presentSettings(script, version && (await withoutMissing(changeOf(request), script, version)));
    },
  }),
  route<Platform>({
    method: "PATCH",
    path: `${base}/settings`,
    scope: "edit",
    summary: "Change settings; versioned ones make a version and deploy it",
    handle: async (request) => {
      const { script, version } = await changeSettings(changeOf(request), await readSettingsPatch(request.raw));
      return presentSettings(script, version);
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${base}/script-settings`,
    scope: "read",
    summary: "Read settings that are not versioned",
    handle: async ({ platform, accountId, params }) =>
      presentScriptSettings(await requireScript(platform, accountId, params.script ?? "")),
  }),
  route({
    method: "PATCH",
    path: `${base}/script-settings`,
    scope: "edit",
    summary: "Change settings that are not versioned",
    body: scriptSettingsSchema,
    handle: async (request) => presentScriptSettings(await changeScriptSettings(changeOf(request), request.body)),
  }),
  route<Platform>({
    method: "GET",
    path: `${base}/subdomain`,
    scope: "read",
    summary: "Whether the Worker's host name and preview URLs answer",
    handle: async ({ platform, accountId, params }) =>
      presentSubdomain(await requireScript(platform, accountId, params.script ?? "")),
  }),
  route({
    method: "POST",
    path: `${base}/subdomain`,
    scope: "edit",
    summary: "Switch the Worker's host name and preview URLs on or off",
    body: subdomainSchema,
    handle: (request) => changeSubdomain(changeOf(request), request.body),
  }),
  route<Platform>({
    method: "DELETE",
    path: `${base}/subdomain`,
    scope: "edit",
    summary: "Switch the Worker's host name and preview URLs off",
    handle: (request) => changeSubdomain(changeOf(request), { enabled: false, previews_enabled: false }),
  }),
]);
