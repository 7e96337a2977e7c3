/** Buckets as the API reaches them: they are in the services role (`service-api.ts`). */
import { ApiError } from "../../lib/api.ts";
import type { Platform, ServicesReply, ServicesRequest } from "../../store/platform.ts";
import type { BucketInfo } from "./registry.ts";
import type { BucketChange } from "./service-api.ts";

/** Asks the store; `path` begins behind `/r2/<account>/buckets`. Throws what it refuses, in the API's clothes. */
export async function askBuckets(
  platform: Platform,
  accountId: string,
  path: string,
  request?: ServicesRequest,
): Promise<ServicesReply> {
  let reply: ServicesReply;
  try {
    reply = await platform.services(`/r2/${accountId}/buckets${path}`, request);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `The R2 store cannot be reached (${why}). The platform may be restarting: try again in a few seconds.`;
    throw new ApiError(503, { code: 10043, message });
  }
  if (reply.status < 400) return reply;
  const { code, message } = (await jsonOf(reply).catch(() => ({}))) as { code?: number; message?: string };
  throw new ApiError(reply.status, { code: code ?? 10001, message: message ?? reply.reason });
}

export async function jsonOf({ body }: ServicesReply): Promise<unknown> {
  return JSON.parse(Buffer.concat(await body.toArray()).toString());
}

/** The answer to a call that has JSON both ways. */
export async function callBuckets<Result>(
  platform: Platform,
  accountId: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Result> {
  const request = { method, ...(body !== undefined && { body: JSON.stringify(body) }) };
  return (await jsonOf(await askBuckets(platform, accountId, path, request))) as Result;
}

/** Error 10006 when there is none. */
export function readBucket(platform: Platform, accountId: string, name: string): Promise<BucketInfo> {
  return callBuckets(platform, accountId, "GET", bucketPath(name));
}

export function changeBucket(
  platform: Platform,
  accountId: string,
  name: string,
  change: BucketChange,
): Promise<BucketInfo> {
  return callBuckets(platform, accountId, "PATCH", bucketPath(name), change);
}

/** Error 10006 on a name that no bucket can have: it never comes to the store. */
export function bucketPath(name: string): string {
  if (/^[a-z0-9-]{3,63}$/.test(name)) return `/${name}`;
  throw new ApiError(404, { code: 10006, message: "The specified bucket does not exist." });
}

/** Which of the buckets that bindings name the account has. Asks only when one is named. */
export async function knownBuckets(platform: Platform, accountId: string, raws: unknown[]): Promise<Set<string>> {
  const wanted = raws.flatMap((raw) => {
    const { type, bucket_name } = (raw ?? {}) as Record<string, unknown>;
    return type === "r2_bucket" && typeof bucket_name === "string" ? [bucket_name] : [];
  });
  const known = new Set<string>();
  for (const name of new Set(wanted)) {
    try {
      await readBucket(platform, accountId, name);
      known.add(name);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }
  return known;
}

/** Names of buckets whose changes are told to a queue. None when the store cannot be reached. */
export async function bucketsTelling(platform: Platform, accountId: string, queueId: string): Promise<string[]> {
  const found: string[] = [];
  for (let after = ""; ; ) {
    const query = `?limit=1000${after && `&after=${after}`}`;
    const page = await callBuckets<BucketInfo[]>(platform, accountId, "GET", query).catch(() => []);
    for (const { name, settings } of page) {
      if (settings.notifications?.some((queue) => queue.queueId === queueId)) found.push(name);
    }
    if (page.length < 1000) return found;
    after = page.at(-1)?.name ?? "";
  }
}
