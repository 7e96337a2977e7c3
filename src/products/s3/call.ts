import type { Bucket } from "../r2/bucket.ts";
import type { Buckets } from "../r2/buckets.ts";
import type { Answer } from "./answer.ts";
import type { Caller } from "./authenticate.ts";
import { S3Error } from "./errors.ts";
import { mayDo, type Need } from "./keys.ts";
import type { S3Request } from "./request.ts";

/** One call of an operation, by somebody who may call it. */
export interface Call {
  request: S3Request;
  caller: Caller;
  buckets: Buckets;
  accountId: string;
}

export interface Operation {
  /** As S3 calls it. */
  name: string;
  need: Need;
  run(call: Call): Answer | Promise<Answer>;
}

/** Error 404 when there is no such bucket. */
export function bucketOf({ buckets, accountId, request }: Call): Bucket {
  return buckets.require(accountId, bucketName(request));
}

export function bucketName(request: S3Request): string {
  if (request.bucket === undefined) throw new S3Error("InvalidRequest", "The request names no bucket.");
  return request.bucket;
}

export function objectKey(request: S3Request): string {
  if (request.key === undefined) throw new S3Error("InvalidRequest", "The request names no object.");
  return request.key;
}

/** Refuses what the caller's access key is not good for. */
export function requirePermission({ caller }: Pick<Call, "caller">, need: Need, bucket: string | undefined): void {
  if (!mayDo(caller.key, need, bucket)) throw new S3Error("AccessDenied");
}
