import { z } from "zod";
import { type ApiRequest, route } from "../../lib/api.ts";
import { pageResult, readPage } from "../../lib/paging.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import type { NamedPreviewRow, ScriptRow } from "../../store/schema.ts";
import { type Change, changeOf, changeScript, publish } from "../change.ts";
import { scriptSettingsSchema } from "../metadata.ts";
import { patchedSettings, requireWorker } from "../scripts.ts";
import { deploymentPatchSchema, deployPreview, patchPreview, requirePreviewDeployment } from "./deployments.ts";
import { presentPreview, presentPreviewDeployment } from "./present.ts";
import { endPreview, insertPreview, listPreviews, requirePreview } from "./store.ts";

const previews = "/accounts/:account/workers/workers/:script/previews";
const one = `${previews}/:preview`;
const deployments = `${one}/deployments`;

const newPreviewSchema = scriptSettingsSchema.extend({ name: z.string() });

type Request<Body = unknown> = ApiRequest<Platform, Body>;

/** Named previews of a Worker (`wrangler preview`, `wrangler-api.md` 3.3). */
export const previewRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: previews,
    scope: "read",
    summary: "List a Worker's named previews",
    handle: async (request) => {
      const { platform, worker } = await workerOf(request);
      const page = readPage(request.query);
      const rows = await listPreviews(platform, worker);
      const shown = rows.slice(page.offset, page.offset + page.size);
      return pageResult(
        page,
        await Promise.all(shown.map((row) => presentPreview(platform, worker, row))),
        rows.length,
      );
    },
  }),
  route<Platform, z.infer<typeof newPreviewSchema>>({
    method: "POST",
    path: previews,
    scope: "edit",
    summary: "Make a named preview",
    body: newPreviewSchema,
    handle: async (request) => {
      const { platform, change } = await workerOf(request);
      const { name, ...settings } = request.body;
      const ignoresBase = request.query.get("ignore_base_config") === "true";
      return changeScript(change, async () => {
        const worker = await requireWorker(platform, change.accountId, change.scriptName);
        const wish = { name, settings: patchedSettings({}, settings) as Record<string, unknown>, ignoresBase };
        return presentPreview(platform, worker, await insertPreview(change, worker, wish));
      });
    },
  }),
  route<Platform>({
    method: "GET",
    path: one,
    scope: "read",
    summary: "Read a named preview",
    handle: async (request) => {
      const { platform, worker, preview } = await previewOf(request);
      return presentPreview(platform, worker, preview);
    },
  }),
  route<Platform, z.infer<typeof scriptSettingsSchema>>({
    method: "PATCH",
    path: one,
    scope: "edit",
    summary: "Change a named preview's settings",
    body: scriptSettingsSchema,
    handle: async (request) => {
      const { platform, worker, preview } = await previewOf(request);
      const settings_json = JSON.stringify(patchedSettings(JSON.parse(preview.settings_json), request.body));
      await platform.db.updateTable("named_previews").set({ settings_json }).where("id", "=", preview.id).execute();
      return presentPreview(platform, worker, { ...preview, settings_json });
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "edit",
    summary: "Delete a named preview with its deployments, secrets and data",
    handle: async (request) => {
      const { change, preview } = await previewOf(request);
      await endPreview(change, preview);
      return { id: preview.id };
    },
  }),
  route<Platform>({
    method: "POST",
    path: deployments,
    scope: "edit",
    summary: "Deploy to a named preview",
    handle: async (request) => {
      const { platform, worker, preview, change } = await previewOf(request);
      const created = await deployPreview(request, change, worker, preview);
      await publish(change);
      return presentPreviewDeployment(platform, worker, preview, created);
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${deployments}/:deployment`,
    scope: "read",
    summary: "Read a deployment of a named preview, by id or as `latest`",
    handle: async (request) => {
      const { platform, worker, preview, change } = await previewOf(request);
      const found = await requirePreviewDeployment(change, preview, request.params.deployment ?? "");
      return presentPreviewDeployment(platform, worker, preview, found);
    },
  }),
  route<Platform, z.infer<typeof deploymentPatchSchema>>({
    method: "PATCH",
    path: `${deployments}/:deployment`,
    scope: "edit",
    summary: "Set and remove secrets of a named preview, in a new deployment",
    body: deploymentPatchSchema,
    handle: async (request) => {
      const { platform, worker, preview, change } = await previewOf(request);
      return presentPreviewDeployment(platform, worker, preview, await patchPreview(change, preview, request.body));
    },
  }),
];

async function workerOf(request: Request): Promise<{ platform: Platform; change: Change; worker: ScriptRow }> {
  const change = changeOf(request);
  const worker = await requireWorker(request.platform, change.accountId, change.scriptName);
  return { platform: request.platform, change, worker };
}

async function previewOf(
  request: Request,
): Promise<{ platform: Platform; change: Change; worker: ScriptRow; preview: NamedPreviewRow }> {
  const found = await workerOf(request);
  const preview = await requirePreview(found.platform, found.worker, request.params.preview ?? "");
  return { ...found, preview };
}
