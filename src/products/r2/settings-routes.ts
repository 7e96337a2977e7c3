import type { z } from "zod";
import { ApiError, type ApiRequest, route } from "../../lib/api.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { managedDomainRoutes } from "./managed-domain-routes.ts";
import { Cors, Lifecycle, Locks } from "./schemas.ts";
import type { BucketSettings } from "./settings.ts";
import { changeBucket, readBucket } from "./store-client.ts";

type Request = ApiRequest<Platform, unknown>;

/** What a bucket is set to. `bucket` is the path of one. */
export function bucketSettingsRoutes(bucket: string): ApiRoute[] {
  return [
    route<Platform>({
      method: "GET",
      path: `${bucket}/cors`,
      scope: "read",
      summary: "Read the CORS rules of a bucket",
      handle: async (request) => {
        const { cors } = await settingsOf(request);
        if (cors === undefined)
          throw new ApiError(404, { code: 10059, message: "The CORS configuration does not exist." });
        return { rules: cors };
      },
    }),
    route<Platform, z.infer<typeof Cors>>({
      method: "PUT",
      path: `${bucket}/cors`,
      scope: "edit",
      summary: "Set the CORS rules of a bucket",
      body: Cors,
      handle: (request) => change(request, { cors: request.body.rules as BucketSettings["cors"] & object }),
    }),
    route<Platform>({
      method: "DELETE",
      path: `${bucket}/cors`,
      scope: "edit",
      summary: "Remove the CORS rules of a bucket",
      handle: (request) => change(request, { cors: null }),
    }),
    route<Platform>({
      method: "GET",
      path: `${bucket}/lifecycle`,
      scope: "read",
      summary: "Read the lifecycle rules of a bucket",
      handle: async (request) => ({ rules: (await settingsOf(request)).lifecycle ?? [] }),
    }),
    route<Platform, z.infer<typeof Lifecycle>>({
      method: "PUT",
      path: `${bucket}/lifecycle`,
      scope: "edit",
      summary: "Set the lifecycle rules of a bucket",
      body: Lifecycle,
      handle: (request) => change(request, { lifecycle: request.body.rules as BucketSettings["lifecycle"] & object }),
    }),
    route<Platform>({
      method: "GET",
      path: `${bucket}/lock`,
      scope: "read",
      summary: "Read the lock rules of a bucket",
      handle: async (request) => ({ rules: (await settingsOf(request)).locks ?? [] }),
    }),
    route<Platform, z.infer<typeof Locks>>({
      method: "PUT",
      path: `${bucket}/lock`,
      scope: "edit",
      summary: "Set the lock rules of a bucket",
      body: Locks,
      handle: (request) => change(request, { locks: request.body.rules as BucketSettings["locks"] & object }),
    }),
    route<Platform>({
      method: "GET",
      path: `${bucket}/local-uploads`,
      scope: "read",
      summary: "Whether uploads go to a place nearby first: never, there is one place",
      handle: async (request) => {
        await settingsOf(request);
        return { enabled: false };
      },
    }),
    ...managedDomainRoutes(bucket),
  ];
}

async function settingsOf({ platform, accountId, params }: Request): Promise<BucketSettings> {
  return (await readBucket(platform, accountId, params.bucket ?? "")).settings;
}

async function change(
  { platform, accountId, params }: Request,
  settings: { [Name in keyof BucketSettings]: BucketSettings[Name] | null },
): Promise<Record<string, never>> {
  await changeBucket(platform, accountId, params.bucket ?? "", { settings });
  return {};
}
