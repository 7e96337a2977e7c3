import { z } from "zod";
import { route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import { changeOf, changeScript } from "./change.ts";
import { scriptName } from "./names.ts";
import { presentScriptSettings } from "./present.ts";
import { patchBaseConfig, presentBaseConfig, workerPatchSchema } from "./previews/base-config.ts";
import { workerExists } from "./previews/errors.ts";
import { previewRoutes } from "./previews/routes.ts";
import { findScript, insertScript, requireScript } from "./scripts.ts";
import { changeSubdomain, presentSubdomain, subdomainSchema } from "./subdomain.ts";
import { previewUrlSuffix } from "./urls.ts";

const newWorkerSchema = z.looseObject({ name: z.string(), subdomain: subdomainSchema.optional() });

/** Scripts under their newest name, "workers" (beta in the original): what clients read after a deploy. */
export const betaWorkerRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: "/accounts/:account/workers/workers/:script",
    scope: "read",
    summary: "Read a Worker, with where its previews answer",
    handle: async ({ platform, accountId, params }) =>
      presentWorker(platform, await requireScript(platform, accountId, params.script ?? "")),
  }),
  route<Platform, z.infer<typeof newWorkerSchema>>({
    method: "POST",
    path: "/accounts/:account/workers/workers",
    scope: "edit",
    summary: "Make a Worker that has nothing yet, to hang previews on",
    body: newWorkerSchema,
    handle: async (request) => {
      const { platform, accountId, body } = request;
      const change = { ...changeOf(request), scriptName: scriptName(body.name) };
      await changeScript(change, async () => {
        if (await findScript(platform, accountId, body.name)) throw workerExists(body.name);
        await insertScript(platform.db, {
          account_id: accountId,
          name: change.scriptName,
          kind: "worker",
          last_deployed_from: change.source,
        });
      });
      await changeSubdomain(change, body.subdomain ?? {});
      return presentWorker(platform, await requireScript(platform, accountId, body.name));
    },
  }),
  route<Platform, z.infer<typeof workerPatchSchema>>({
    method: "PATCH",
    path: "/accounts/:account/workers/workers/:script",
    scope: "edit",
    summary: "Change what all named previews of a Worker have (`previews_base_config`, a merge patch)",
    body: workerPatchSchema,
    handle: async (request) => presentWorker(request.platform, await patchBaseConfig(changeOf(request), request.body)),
  }),
  ...previewRoutes,
];

async function presentWorker(platform: Platform, script: ScriptRow): Promise<Record<string, unknown>> {
  return {
    id: script.tag,
    name: script.name,
    created_on: script.created_on,
    updated_on: script.modified_on,
    ...presentScriptSettings(script),
    previews_base_config: presentBaseConfig(script),
    subdomain: {
      // No `url`: the client would print its host name alone, without the port that opens it.
      ...presentSubdomain(script),
      preview_url_suffix: await previewUrlSuffix(platform, script),
    },
  };
}
