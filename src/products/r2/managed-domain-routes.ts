import type { z } from "zod";
import { securePortSuffix } from "../../domain/config.ts";
import { type ApiRequest, route } from "../../lib/api.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import type { BucketInfo } from "./registry.ts";
import { Managed } from "./schemas.ts";
import { changeBucket, readBucket } from "./store-client.ts";

type Request = ApiRequest<Platform, unknown>;

/** The host name that each bucket has of its own; those of zones are in `workers/bucket-domain-routes.ts`. */
export function managedDomainRoutes(bucket: string): ApiRoute[] {
  const path = `${bucket}/domains/managed`;
  return [
    route<Platform>({
      method: "GET",
      path,
      scope: "read",
      summary: "Read the public host name of a bucket, and whether it is switched on",
      handle: async (request) => {
        const { platform, accountId, params } = request;
        return presentManaged(request, await readBucket(platform, accountId, params.bucket ?? ""));
      },
    }),
    route<Platform, z.infer<typeof Managed>>({
      method: "PUT",
      path,
      scope: "edit",
      summary: "Switch the public host name of a bucket on or off",
      body: Managed,
      handle: async (request) => {
        const { platform, accountId, params, body } = request;
        const settings = { managedDomain: body.enabled };
        return presentManaged(request, await changeBucket(platform, accountId, params.bucket ?? "", { settings }));
      },
    }),
  ];
}

function presentManaged({ platform }: Request, { publicId, settings }: BucketInfo): Record<string, unknown> {
  // Clients put "https://" before it.
  const domain = `pub-${publicId}.r2.${platform.config.domain}${securePortSuffix(platform.config)}`;
  return { bucketId: publicId, domain, enabled: settings.managedDomain === true };
}
