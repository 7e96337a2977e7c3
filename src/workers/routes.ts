import type { ApiRoute } from "../store/platform.ts";
import { betaWorkerRoutes } from "./beta-routes.ts";
import { bucketDomainRoutes } from "./bucket-domain-routes.ts";
import { cacheRoutes } from "./cache-routes.ts";
import { deploymentRoutes } from "./deployment-routes.ts";
import { domainRoutes } from "./domain-routes.ts";
import { protectionRoutes } from "./protection/routes.ts";
import { remoteRoutes } from "./remote-routes.ts";
import { rolloutRoutes } from "./rollouts/routes.ts";
import { scriptRoutes } from "./script-routes.ts";
import { secretRoutes } from "./secret-routes.ts";
import { serviceRoutes } from "./service-routes.ts";
import { settingsRoutes } from "./settings-routes.ts";
import { triggerRoutes } from "./trigger-routes.ts";
import { unavailableRoutes } from "./unavailable-routes.ts";
import { usageRoutes } from "./usage-routes.ts";
import { versionRoutes } from "./version-routes.ts";
import { zoneRoutes } from "./zone-routes.ts";

/** Everything the API says about Workers, below `/client/v4`. */
export const workersRoutes: ApiRoute[] = [
  ...scriptRoutes,
  ...versionRoutes,
  ...betaWorkerRoutes,
  ...deploymentRoutes,
  ...rolloutRoutes,
  ...remoteRoutes,
  ...protectionRoutes,
  ...settingsRoutes,
  ...secretRoutes,
  ...serviceRoutes,
  ...triggerRoutes,
  ...domainRoutes,
  ...bucketDomainRoutes,
  ...cacheRoutes,
  ...unavailableRoutes,
  ...usageRoutes,
  ...zoneRoutes,
];
