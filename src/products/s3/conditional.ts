/** Conditions in headers, as S3 takes them for reading, writing and copying. */
import { holds, parseEtags } from "../r2/conditions.ts";
import type { Conditions, R2Object } from "../r2/model.ts";
import type { S3Request } from "./request.ts";

const SECOND_MS = 1000;

/** The conditions in headers with this prefix: `if-match` and so on. Undefined: there are none. */
export function conditionsOf(request: S3Request, prefix = ""): Conditions | undefined {
  const conditions: Conditions = {};
  const match = request.header(`${prefix}if-match`);
  const noneMatch = request.header(`${prefix}if-none-match`);
  const since = Date.parse(request.header(`${prefix}if-modified-since`) ?? "");
  const unmodified = Date.parse(request.header(`${prefix}if-unmodified-since`) ?? "");
  if (match !== undefined) conditions.etagMatches = parseEtags(match);
  if (noneMatch !== undefined) conditions.etagDoesNotMatch = parseEtags(noneMatch);
  if (!Number.isNaN(since)) conditions.uploadedAfter = since;
  // "Not modified since" includes that very second.
  if (!Number.isNaN(unmodified)) conditions.uploadedBefore = unmodified + SECOND_MS;
  return Object.keys(conditions).length === 0 ? undefined : { ...conditions, secondsGranularity: true };
}

/** Why a read whose conditions do not hold gives nothing: 412, or 304 for what the client has already (RFC 9110, 13.2.2). */
export function failedStatus({ etagMatches, uploadedBefore }: Conditions, object: R2Object): 304 | 412 {
  const required: Conditions = {
    ...(etagMatches && { etagMatches }),
    ...(uploadedBefore !== undefined && { uploadedBefore }),
    secondsGranularity: true,
  };
  return holds(required, object) ? 304 : 412;
}
