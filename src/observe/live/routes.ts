import { type ApiRequest, route } from "../../lib/api.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { openRemoteSession } from "../../workers/remote-sessions.ts";
import { requireScript } from "../../workers/scripts.ts";
import { closeTail, filtersOf, listTails, openTail, type TailRequest, tailSchema } from "./tails.ts";

const script = "/accounts/:account/workers/scripts/:script";
const tails = `${script}/tails`;

/** Live logs (`wrangler-api.md` 4.1), and those of remote development with the uploads that they belong to (7.1). */
export const tailRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: tails,
    scope: "read",
    summary: "List a script's sessions of live logs",
    handle: async (request) => listTails(request, await nameOf(request)),
  }),
  route<Platform, TailRequest>({
    method: "POST",
    path: tails,
    scope: "read",
    summary: "Begin a session of live logs",
    body: tailSchema,
    handle: async (request) =>
      openTail(request, await nameOf(request), { filters: filtersOf(request.body, request.raw) }),
  }),
  route<Platform>({
    method: "DELETE",
    path: `${tails}/:tail`,
    scope: "read",
    summary: "End a session of live logs",
    handle: async (request) => {
      await closeTail(request, await nameOf(request), request.params.tail ?? "");
      return null;
    },
  }),
  route<Platform>({
    method: "POST",
    path: `${script}/edge-preview`,
    scope: "edit",
    summary: "Run an upload in a session of remote development",
    handle: async (request) => {
      const session = await openRemoteSession(request);
      // Before the code comes, so that its first words are heard.
      const { url } = await openTail(request, session.scriptName, {
        filters: [],
        scriptName: session.workerName,
        replace: true,
      });
      return { preview_token: await session.deploy(), tail_url: url };
    },
  }),
];

async function nameOf({ platform, accountId, params }: ApiRequest<Platform, unknown>): Promise<string> {
  return (await requireScript(platform, accountId, params.script ?? "")).name;
}
