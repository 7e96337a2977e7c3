import type { z } from "zod";
import { type ApiRequest, route } from "../lib/api.ts";
import { DomainEdit, NewDomain } from "../products/r2/schemas.ts";
import { readBucket } from "../products/r2/store-client.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import {
  attachBucketDomain,
  type BucketDomain,
  changeBucketDomain,
  listBucketDomains,
  requireBucketDomain,
} from "./bucket-domains.ts";
import { publish } from "./change.ts";
import { bucketDomainNotFound } from "./domain-errors.ts";
import { detachDomain } from "./domains.ts";

const list = "/accounts/:account/r2/buckets/:bucket/domains/custom";
const one = `${list}/:domain`;

type Request = ApiRequest<Platform, unknown>;

/** Host names of the account's zones under which the world reads a bucket (`wrangler-api.md` 5.3). */
export const bucketDomainRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: list,
    scope: "read",
    summary: "List the custom domains of a bucket",
    handle: async (request) => {
      const bucket = await bucketOf(request);
      return { domains: (await listBucketDomains(request.platform.db, bucket)).map(present) };
    },
  }),
  route<Platform, z.infer<typeof NewDomain>>({
    method: "POST",
    path: list,
    scope: "edit",
    summary: "Serve a bucket at a host name of one of the account's zones",
    body: NewDomain,
    handle: async (request) => {
      const { platform, body } = request;
      const bucket = await bucketOf(request);
      const domain = await platform.db.transaction().execute((db) => attachBucketDomain(db, platform, bucket, body));
      await publish(request);
      return present(domain);
    },
  }),
  route<Platform>({
    method: "GET",
    path: one,
    scope: "read",
    summary: "Read a custom domain of a bucket",
    handle: async (request) => present(await domainOf(request)),
  }),
  route<Platform, z.infer<typeof DomainEdit>>({
    method: "PUT",
    path: one,
    scope: "edit",
    summary: "Change a custom domain of a bucket",
    body: DomainEdit,
    handle: async (request) => {
      const changed = await changeBucketDomain(request.platform.db, await domainOf(request), request.body);
      await publish(request);
      return present(changed);
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "edit",
    summary: "Stop serving a bucket at a custom domain",
    handle: async (request) => {
      const { platform, accountId, params } = request;
      // The bucket may be gone: what the S3 API deletes leaves its domains.
      const domain = await requireBucketDomain(platform.db, accountId, params.bucket ?? "", params.domain ?? "");
      await detachDomain(platform.db, domain);
      await publish(request);
      return { domain: domain.hostname };
    },
  }),
];

function bucketOf({ platform, accountId, params }: Request) {
  return readBucket(platform, accountId, params.bucket ?? "");
}

async function domainOf(request: Request): Promise<BucketDomain> {
  const { id, name, accountId } = await bucketOf(request);
  const hostname = request.params.domain ?? "";
  const domain = await requireBucketDomain(request.platform.db, accountId, name, hostname);
  if (domain.bucket_id !== id) throw bucketDomainNotFound(name, hostname);
  return domain;
}

function present({ hostname, enabled, min_tls, zone_id, zone_name }: BucketDomain): Record<string, unknown> {
  const status = enabled === 1 ? "active" : "deactivated";
  return {
    domain: hostname,
    enabled: enabled === 1,
    status: { ownership: status, ssl: status },
    ...(min_tls && { minTLS: min_tls }),
    ...(zone_id && { zoneId: zone_id }),
    ...(zone_name && { zoneName: zone_name }),
  };
}
