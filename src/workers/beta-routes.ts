import { route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { presentScriptSettings } from "./present.ts";
import { requireScript } from "./scripts.ts";
import { presentSubdomain } from "./subdomain.ts";
import { previewUrlSuffix } from "./urls.ts";

/** Scripts under their newest name, "workers" (beta in the original): what clients read after a deploy. */
export const betaWorkerRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: "/accounts/:account/workers/workers/:script",
    scope: "read",
    summary: "Read a Worker, with where its previews answer",
    handle: async ({ platform, accountId, params }) => {
      const script = await requireScript(platform, accountId, params.script ?? "");
      return {
        id: script.tag,
        name: script.name,
        created_on: script.created_on,
        updated_on: script.modified_on,
        ...presentScriptSettings(script),
        subdomain: {
          // No `url`: the client would print its host name alone, without the port that opens it.
          ...presentSubdomain(script),
          preview_url_suffix: await previewUrlSuffix(platform, script),
        },
      };
    },
  }),
];
