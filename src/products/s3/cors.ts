/** CORS of the S3 API: what browsers ask before a request, and need to see with its answer. */

import type { Buckets } from "../r2/buckets.ts";
import { matchCors } from "../r2/cors.ts";
import { type Answer, errorAnswer, type Fields } from "./answer.ts";
import { S3Error } from "./errors.ts";
import type { AccessKeys } from "./keys.ts";
import { s3Limits } from "./limits.ts";
import type { S3Request } from "./request.ts";

/** Answers a preflight request. It is not signed: the account is the host's, the one of a presigned URL, or the only one. */
export function preflight(keys: AccessKeys, buckets: Buckets, request: S3Request): Answer {
  const { bucket } = request;
  const origin = request.header("origin");
  const method = request.header("access-control-request-method");
  if (bucket === undefined || origin === undefined || method === undefined)
    return errorAnswer(
      new S3Error("InvalidRequest", "This is no CORS request: Origin or method is missing."),
      request.rawPath,
    );
  const headers = (request.header("access-control-request-headers") ?? "").split(",").map((name) => name.trim());
  const accounts = accountsOf(keys, request);
  const rules = accounts.flatMap((accountId) => buckets.settingsOf(accountId, bucket)?.cors ?? []);
  const allowed = matchCors(rules, { origin, method, headers: headers.filter(Boolean) });
  if (allowed === undefined)
    return errorAnswer(
      new S3Error("AccessDenied", "CORS: no rule of the bucket allows this request."),
      request.rawPath,
    );
  return { status: 204, fields: allowed };
}

/** What an answer says to the browser; undefined when no rule speaks of the request's origin. */
export function corsFields(buckets: Buckets, request: S3Request, accountId: string | undefined): Fields | undefined {
  const origin = request.header("origin");
  if (origin === undefined || accountId === undefined || request.bucket === undefined) return undefined;
  const { cors } = buckets.settingsOf(accountId, request.bucket) ?? {};
  return cors && matchCors(cors, { origin, method: request.method });
}

function accountsOf(keys: AccessKeys, request: S3Request): readonly string[] {
  if (request.accountId !== undefined) return [request.accountId];
  const [id = ""] = request.param("X-Amz-Credential")?.split("/") ?? [];
  const key = keys.find(id);
  return key ? [key.accountId] : keys.accounts.slice(0, s3Limits.preflightAccounts);
}
