import type { ApiRoute } from "../store/platform.ts";
import { aliasRoutes } from "./alias-routes.ts";
import { contentRoutes } from "./content-routes.ts";
import { deployHookRoutes } from "./deploy-hook-routes.ts";
import { deploymentRoutes } from "./deployment-routes.ts";
import { domainRoutes } from "./domain-routes.ts";
import { projectRoutes } from "./project-routes.ts";
import { uploadRoutes } from "./upload-routes.ts";

/** Everything the API says about Pages, below `/client/v4`. */
export const pagesRoutes: ApiRoute[] = [
  ...projectRoutes,
  ...deploymentRoutes,
  ...uploadRoutes,
  ...domainRoutes,
  ...aliasRoutes,
  ...deployHookRoutes,
  ...contentRoutes,
];
