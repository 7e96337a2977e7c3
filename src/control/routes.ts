import { tailRoutes } from "../observe/live/routes.ts";
import { logpushRoutes } from "../observe/logpush/routes.ts";
import { logRoutes } from "../observe/logs/routes.ts";
import { pagesRoutes } from "../pages/routes.ts";
import { analyticsRoutes } from "../products/analytics/routes.ts";
import { assetRoutes } from "../products/assets/routes.ts";
import { cronRoutes } from "../products/cron/routes.ts";
import { d1Routes } from "../products/d1/routes.ts";
import { durableObjectRoutes } from "../products/durable-objects/routes.ts";
import { kvRoutes } from "../products/kv/routes.ts";
import { consumerRoutes } from "../products/queues/consumer-routes.ts";
import { queueRoutes } from "../products/queues/routes.ts";
import { r2Routes } from "../products/r2/routes.ts";
import { s3Routes } from "../products/s3/routes.ts";
import { secretsStoreRoutes } from "../products/secrets-store/routes.ts";
import { workflowRoutes } from "../products/workflows/routes.ts";
import type { ApiRoute } from "../store/platform.ts";
import { workersRoutes } from "../workers/routes.ts";
import { auditRoutes } from "./audit.ts";
import { identityRoutes } from "./identity.ts";
import { subdomainRoutes } from "./subdomain.ts";
import { tokenRoutes } from "./token-routes.ts";
import type { Tokens } from "./tokens.ts";

/** The whole API. A product adds its table here. */
export function allRoutes(tokens: Tokens): ApiRoute[] {
  return [
    ...identityRoutes,
    ...tokenRoutes(tokens),
    ...auditRoutes,
    ...subdomainRoutes,
    ...analyticsRoutes,
    ...assetRoutes,
    ...cronRoutes,
    ...d1Routes,
    ...durableObjectRoutes,
    ...kvRoutes,
    ...logRoutes,
    ...logpushRoutes,
    ...r2Routes,
    ...secretsStoreRoutes,
    ...s3Routes,
    ...queueRoutes,
    ...consumerRoutes,
    ...workflowRoutes,
    ...workersRoutes,
    ...tailRoutes,
    ...pagesRoutes,
  ];
}
