import { route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { newSessionToken } from "./remote-sessions.ts";
import { requireZone } from "./zones.ts";

const account = "/accounts/:account";

/** Where the client asks for a session: by account, or by Worker (newer clients). By zone, see below. */
const openings = [
  `${account}/workers/subdomain/edge-preview`,
  `${account}/workers/scripts/:script/subdomain/edge-preview`,
];

/** Beginnings of remote development (`wrangler-api.md` 7.1); uploads come with live logs, see `observe/live/routes.ts`. */
export const remoteRoutes: ApiRoute[] = [
  ...openings.map((path) =>
    route<Platform>({
      method: "GET",
      path,
      scope: "edit",
      summary: "Begin a session of remote development",
      handle: ({ platform, accountId }) => ({ token: newSessionToken(platform, accountId) }),
    }),
  ),
  route<Platform>({
    method: "GET",
    path: "/zones/:zone/workers/edge-preview",
    scope: "edit",
    summary: "Begin a session of remote development on a host of a zone",
    handle: async ({ platform, accountId, params }) => {
      await requireZone(platform.db, accountId, params.zone ?? "");
      return { token: newSessionToken(platform, accountId) };
    },
  }),
];
