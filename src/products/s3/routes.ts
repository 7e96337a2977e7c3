import { z } from "zod";
import { ApiResult, route } from "../../lib/api.ts";
import { pageResult, readPage } from "../../lib/paging.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { BUCKET_NAME } from "../r2/limits.ts";
import { createKey, listKeys, revokeKey } from "./key-store.ts";
import { permissions } from "./keys.ts";
import { s3Limits } from "./limits.ts";

const list = "/accounts/:account/r2/access_keys";

const newKey = z
  .object({
    name: z.string().trim().min(1).max(120),
    permission: z.enum(permissions),
    buckets: z.array(z.string().regex(BUCKET_NAME)).min(1).max(s3Limits.bucketsOfKey).nullish(),
  })
  .refine(({ permission, buckets }) => !buckets || permission.startsWith("object-"), {
    message: "only a key for objects can be limited to buckets",
    path: ["buckets"],
  });

/** Access keys of the S3 API. */
export const s3Routes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: list,
    scope: "admin",
    summary: "Lists the access keys of the S3 API, newest first",
    handle: async ({ platform, accountId, query }) => {
      const page = readPage(query);
      const { keys, total } = await listKeys(platform, accountId, page);
      return pageResult(page, keys, total);
    },
  }),

  route<Platform, z.infer<typeof newKey>>({
    method: "POST",
    path: list,
    scope: "admin",
    summary: "Makes an access key of the S3 API; `secret_access_key` is shown this once",
    body: newKey,
    handle: async ({ platform, actor, accountId, body }) => {
      const { key, secret } = await createKey(platform, accountId, body);
      await platform.audit({ accountId, actor, action: "access-key.create", target: key.id, detail: { ...body } });
      return new ApiResult({ ...key, access_key_id: key.id, secret_access_key: secret });
    },
  }),

  route<Platform>({
    method: "DELETE",
    path: `${list}/:key`,
    scope: "admin",
    summary: "Revokes an access key of the S3 API at once",
    handle: async ({ platform, actor, accountId, params }) => {
      const id = params.key ?? "";
      await revokeKey(platform, accountId, id);
      await platform.audit({ accountId, actor, action: "access-key.revoke", target: id });
      return { id };
    },
  }),
];
