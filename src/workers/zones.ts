import { ApiResult, route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";

/** Zones: there are none until domains can be added. Clients look them up before they set routes. */
export const zoneRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: "/zones",
    scope: "read",
    summary: "List zones",
    handle: () =>
      new ApiResult([], { resultInfo: { page: 1, per_page: 20, count: 0, total_count: 0, total_pages: 0 } }),
  }),
];
