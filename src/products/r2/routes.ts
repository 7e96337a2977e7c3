import type { z } from "zod";
import { ApiError, type ApiRequest, ApiResult, route } from "../../lib/api.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { MAX_LIST_KEYS } from "./limits.ts";
import type { StorageClass } from "./model.ts";
import { notificationRoutes } from "./notification-routes.ts";
import { objectRoutes } from "./object-routes.ts";
import type { BucketInfo } from "./registry.ts";
import { BucketEdit, NewBucket } from "./schemas.ts";
import { bucketSettingsRoutes } from "./settings-routes.ts";
import { bucketPath, callBuckets, changeBucket, readBucket } from "./store-client.ts";

const list = "/accounts/:account/r2/buckets";
const one = `${list}/:bucket`;

/** R2 buckets, as wrangler and the SDK manage them (`wrangler-api.md` 5.3). Jurisdictions are taken and have no effect. */
export const r2Routes: ApiRoute[] = [
  route<Platform, z.infer<typeof NewBucket>>({
    method: "POST",
    path: list,
    scope: "edit",
    summary: "Create an R2 bucket",
    body: NewBucket,
    handle: async ({ platform, accountId, body, raw }) => {
      const { name, storageClass, locationHint } = body;
      const jurisdiction = raw.headers.get("cf-r2-jurisdiction") ?? undefined;
      const choices = {
        name,
        storageClass: storageClass ?? undefined,
        location: locationHint ?? undefined,
        jurisdiction,
      };
      return present(await callBuckets<BucketInfo>(platform, accountId, "POST", "", choices));
    },
  }),
  route<Platform>({
    method: "GET",
    path: list,
    scope: "read",
    summary: "List R2 buckets by name; `name_contains`, `start_after`, `cursor`, `per_page`, `direction`",
    handle: listBuckets,
  }),
  route<Platform>({
    method: "GET",
    path: one,
    scope: "read",
    summary: "Read an R2 bucket",
    handle: async ({ platform, accountId, params }) =>
      present(await readBucket(platform, accountId, params.bucket ?? "")),
  }),
  route<Platform, z.infer<typeof BucketEdit>>({
    method: "PATCH",
    path: one,
    scope: "edit",
    summary: "Change the storage class of objects to come: header `cf-r2-storage-class`, or `storage_class`",
    body: BucketEdit,
    handle: async ({ platform, accountId, params, body, raw }) => {
      const storageClass = raw.headers.get("cf-r2-storage-class") ?? body?.storage_class;
      const change = storageClass ? { storageClass: storageClass as StorageClass } : {};
      return present(await changeBucket(platform, accountId, params.bucket ?? "", change));
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "edit",
    summary: "Delete an empty R2 bucket, with its custom domains",
    handle: deleteBucket,
  }),
  ...bucketSettingsRoutes(one),
  ...objectRoutes(one),
  ...notificationRoutes,
  ...unavailable(one),
];

async function listBuckets({ platform, accountId, query }: ApiRequest<Platform, unknown>): Promise<ApiResult> {
  const size = Number(query.get("per_page") || MAX_LIST_KEYS);
  if (!Number.isInteger(size) || size < 1 || size > MAX_LIST_KEYS) {
    throw new ApiError(400, { code: 10022, message: `"per_page" must be a whole number from 1 to ${MAX_LIST_KEYS}.` });
  }
  const options = new URLSearchParams({ limit: String(size + 1), contains: query.get("name_contains") ?? "" });
  const after = query.get("cursor") || query.get("start_after");
  if (after) options.set("after", after);
  if (query.get("direction") === "desc") options.set("descending", "");
  const found = await callBuckets<BucketInfo[]>(platform, accountId, "GET", `?${options}`);
  const buckets = found.slice(0, size);
  const cursor = found.length > size ? buckets.at(-1)?.name : undefined;
  const resultInfo = { per_page: size, ...(cursor !== undefined && { cursor }) };
  return new ApiResult({ buckets: buckets.map(present) }, { resultInfo });
}

async function deleteBucket({ platform, accountId, params }: ApiRequest<Platform, unknown>): Promise<unknown> {
  const name = params.bucket ?? "";
  const result = await callBuckets(platform, accountId, "DELETE", bucketPath(name));
  const { numDeletedRows } = await platform.db
    .deleteFrom("custom_domains")
    .where("account_id", "=", accountId)
    .where("bucket_name", "=", name)
    .executeTakeFirst();
  if (numDeletedRows > 0n) await platform.runtime.publish();
  return result;
}

function present({ name, created, location, storageClass, jurisdiction }: BucketInfo): Record<string, unknown> {
  return {
    name,
    creation_date: new Date(created).toISOString(),
    ...(location && { location: location.toUpperCase() }),
    storage_class: storageClass,
    jurisdiction,
  };
}

/** What clients ask for that has no counterpart here. */
function unavailable(bucket: string): ApiRoute[] {
  const catalog = "/accounts/:account/r2-catalog/:bucket";
  const rows: [ApiRoute["method"], string, string, number][] = [
    // The client reads these two codes as "not enabled".
    ["GET", `${bucket}/sippy`, "Sippy (migration on demand)", 10007],
    ["DELETE", `${bucket}/sippy`, "Sippy (migration on demand)", 10007],
    ["PUT", `${bucket}/sippy`, "Sippy (migration on demand)", 10021],
    ["GET", catalog, "The data catalog", 40401],
    ...["enable", "disable", "maintenance-configs", "credential"].map(
      (what): [ApiRoute["method"], string, string, number] => ["POST", `${catalog}/${what}`, "The data catalog", 10021],
    ),
    ["GET", `${catalog}/maintenance-configs`, "The data catalog", 40401],
    ["PUT", `${bucket}/local-uploads`, "Local uploads", 10021],
  ];
  return rows.map(([method, path, what, code]) =>
    route<Platform>({
      method,
      path,
      scope: "read",
      summary: `${what}: not available`,
      audited: false,
      handle() {
        throw new ApiError(code === 10021 ? 400 : 404, {
          code,
          message: `${what} of R2 is not available on this Freehold.`,
        });
      },
    }),
  );
}
