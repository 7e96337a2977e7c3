import type { z } from "zod";
import { securePortSuffix } from "../../domain/config.ts";
import { ApiError, type ApiRequest, route } from "../../lib/api.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { MAX_CUSTOM_DOMAINS } from "./limits.ts";
import type { BucketInfo } from "./registry.ts";
import { DomainEdit, Managed, NewDomain } from "./schemas.ts";
import type { CustomDomain } from "./settings.ts";
import { changeBucket, readBucket } from "./store-client.ts";

type Request = ApiRequest<Platform, unknown>;

/** Host names under which the world reads a bucket. */
export function domainRoutes(bucket: string): ApiRoute[] {
  const managed = `${bucket}/domains/managed`;
  const custom = `${bucket}/domains/custom`;
  return [
    route<Platform>({
      method: "GET",
      path: managed,
      scope: "read",
      summary: "Read the public host name of a bucket, and whether it is switched on",
      handle: async (request) => presentManaged(request, await bucketOf(request)),
    }),
    route<Platform, z.infer<typeof Managed>>({
      method: "PUT",
      path: managed,
      scope: "edit",
      summary: "Switch the public host name of a bucket on or off",
      body: Managed,
      handle: async (request) => {
        const { platform, accountId, params, body } = request;
        const settings = { managedDomain: body.enabled };
        return presentManaged(request, await changeBucket(platform, accountId, params.bucket ?? "", { settings }));
      },
    }),
    route<Platform>({
      method: "GET",
      path: custom,
      scope: "read",
      summary: "List the custom domains of a bucket",
      handle: async (request) => ({ domains: ((await bucketOf(request)).settings.customDomains ?? []).map(present) }),
    }),
    route<Platform, z.infer<typeof NewDomain>>({
      method: "POST",
      path: custom,
      scope: "edit",
      summary: "Serve a bucket at a custom domain",
      body: NewDomain,
      handle: addDomain,
    }),
    route<Platform>({
      method: "GET",
      path: `${custom}/:domain`,
      scope: "read",
      summary: "Read a custom domain of a bucket",
      handle: async (request) => present(domainOf(request, await bucketOf(request))),
    }),
    route<Platform, z.infer<typeof DomainEdit>>({
      method: "PUT",
      path: `${custom}/:domain`,
      scope: "edit",
      summary: "Change a custom domain of a bucket",
      body: DomainEdit,
      handle: async (request) => {
        const info = await bucketOf(request);
        const { enabled, minTLS } = request.body;
        const changed: CustomDomain = {
          ...domainOf(request, info),
          ...(enabled !== undefined && { enabled }),
          ...(minTLS !== undefined && { minTLS }),
        };
        await save(request, replaced(info, changed.domain, changed));
        return present(changed);
      },
    }),
    route<Platform>({
      method: "DELETE",
      path: `${custom}/:domain`,
      scope: "edit",
      summary: "Stop serving a bucket at a custom domain",
      handle: async (request) => {
        const info = await bucketOf(request);
        const { domain } = domainOf(request, info);
        await save(request, replaced(info, domain));
        return { domain };
      },
    }),
  ];
}

async function addDomain(request: ApiRequest<Platform, z.infer<typeof NewDomain>>): Promise<Record<string, unknown>> {
  const { domain, zoneId, enabled = true, minTLS } = request.body;
  const info = await bucketOf(request);
  const name = domain.toLowerCase();
  if (!/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/.test(name)) {
    throw new ApiError(400, { code: 10029, message: `${JSON.stringify(domain)} is not a host name.` });
  }
  const { customDomains = [] } = info.settings;
  if (customDomains.length >= MAX_CUSTOM_DOMAINS) {
    throw new ApiError(400, { code: 10029, message: `A bucket has at most ${MAX_CUSTOM_DOMAINS} custom domains.` });
  }
  const added: CustomDomain = { domain: name, enabled, ...(minTLS && { minTLS }), ...(zoneId && { zoneId }) };
  await save(request, [...customDomains.filter((one) => one.domain !== name), added]);
  return present(added);
}

function bucketOf({ platform, accountId, params }: Request): Promise<BucketInfo> {
  return readBucket(platform, accountId, params.bucket ?? "");
}

function domainOf({ params }: Request, { settings }: BucketInfo): CustomDomain {
  const found = settings.customDomains?.find(({ domain }) => domain === params.domain?.toLowerCase());
  if (found) return found;
  const message = `The bucket has no custom domain ${JSON.stringify(params.domain?.slice(0, 253))}.`;
  throw new ApiError(404, { code: 10007, message });
}

function replaced({ settings }: BucketInfo, domain: string, by?: CustomDomain): CustomDomain[] {
  return (settings.customDomains ?? []).flatMap((one) => (one.domain !== domain ? [one] : by ? [by] : []));
}

async function save({ platform, accountId, params }: Request, customDomains: CustomDomain[]): Promise<void> {
  await changeBucket(platform, accountId, params.bucket ?? "", { settings: { customDomains } });
}

function present({ domain, enabled, minTLS, zoneId, zoneName }: CustomDomain): Record<string, unknown> {
  return {
    domain,
    enabled,
    // Stored, and answered nowhere yet: requests for such names are not routed to buckets.
    status: { ownership: enabled ? "pending" : "deactivated", ssl: enabled ? "pending" : "deactivated" },
    ...(minTLS && { minTLS }),
    ...(zoneId && { zoneId }),
    ...(zoneName && { zoneName }),
  };
}

function presentManaged({ platform }: Request, { publicId, settings }: BucketInfo): Record<string, unknown> {
  // Clients put "https://" before it.
  const domain = `pub-${publicId}.r2.${platform.config.domain}${securePortSuffix(platform.config)}`;
  return { bucketId: publicId, domain, enabled: settings.managedDomain === true };
}
