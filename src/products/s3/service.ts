/** The S3 API in front of the buckets: from a request to its answer. */
import type { StorageHost } from "../../domain/storage-host.ts";
import type { Exchange } from "../../lib/http/exchange.ts";
import type { RequestHead } from "../../lib/http/request-head.ts";
import type { Buckets } from "../r2/buckets.ts";
import { type Answer, errorAnswer, sendAnswer } from "./answer.ts";
import { authenticate } from "./authenticate.ts";
import { requirePermission } from "./call.ts";
import { corsFields, preflight } from "./cors.ts";
import { S3Error } from "./errors.ts";
import type { AccessKeys } from "./keys.ts";
import { refuseUnsupported } from "./metadata.ts";
import { operationOf } from "./operations.ts";
import { S3Request } from "./request.ts";

export interface S3Options {
  keys: AccessKeys;
  buckets: Buckets;
}

/** Answers one request. `head` is used during the call only. */
export function serveS3(
  options: S3Options,
  exchange: Exchange<unknown>,
  head: RequestHead,
  host: StorageHost & { kind: "s3" },
): void {
  const { method, target } = head;
  let request: S3Request;
  try {
    request = new S3Request(exchange, head, host);
  } catch (error) {
    void sendAnswer(exchange, method, errorAnswer(error, target));
    return;
  }
  answer(options, request)
    .then((found) => sendAnswer(exchange, method, found))
    .catch((error: unknown) => {
      console.error("S3: an answer could not be sent:", error);
      exchange.cut();
    });
}

/** What a request is answered with, refusals included. */
export async function answer({ keys, buckets }: S3Options, request: S3Request): Promise<Answer> {
  if (request.method === "OPTIONS") return preflight(keys, buckets, request);
  let accountId: string | undefined;
  let found: Answer;
  try {
    const caller = authenticate(request, keys, Date.now());
    accountId = caller.key.accountId;
    if (request.accountId !== undefined && request.accountId !== accountId)
      throw new S3Error("AccessDenied", "The access key is of another account than the host name says.");
    const operation = operationOf(request);
    requirePermission({ caller }, operation.need, request.bucket);
    refuseUnsupported(request);
    found = await operation.run({ request, caller, buckets, accountId });
  } catch (error) {
    found = errorAnswer(error, request.rawPath);
  }
  const cors = corsFields(buckets, request, accountId);
  return cors ? { ...found, fields: { ...found.fields, ...cors } } : found;
}
