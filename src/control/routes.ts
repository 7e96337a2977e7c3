import { assetRoutes } from "../products/assets/routes.ts";
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
    ...assetRoutes,
    ...workersRoutes,
  ];
}
