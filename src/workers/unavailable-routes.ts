import { route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { unavailable } from "./errors.ts";

const account = "/accounts/:account";
const dispatched = `${account}/workers/dispatch/namespaces/:namespace/scripts/:script`;

/**
 * What clients ask of products that are still to come, in the course of commands that exist: `deploy` looks up
 * and makes resources. Whoever adds the product removes its lines.
 */
const emptyLists: { path: string; what: string }[] = [
  // `delete` warns of containers that keep running unless it learns that there are none.
  { path: `${account}/containers/applications`, what: "container applications" },
];

const refused: { method: ApiRoute["method"]; path: string; what: string }[] = [
  { method: "GET", path: dispatched, what: "Dispatch namespaces are" },
  { method: "PUT", path: dispatched, what: "Dispatch namespaces are" },
];

export const unavailableRoutes: ApiRoute[] = [
  ...emptyLists.map(({ path, what }) =>
    route<Platform>({ method: "GET", path, scope: "read", summary: `List ${what}: none yet`, handle: () => [] }),
  ),
  ...refused.map(({ method, path, what }) =>
    route<Platform>({
      method,
      path,
      scope: "read",
      summary: `${what} not available yet`,
      handle: () => {
        throw unavailable(what);
      },
    }),
  ),
];
