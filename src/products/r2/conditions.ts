import type { Conditions, EtagCondition } from "./model.ts";

/**
 * Whether conditions hold for an object, or for its absence, as the original decides it: RFC 9110, 13.2.2, where a
 * condition on the ETag makes the one on the time that goes with it moot, when it holds.
 */
export function holds(
  { etagMatches, etagDoesNotMatch, uploadedBefore, uploadedAfter, secondsGranularity }: Conditions,
  object: { etag: string; uploaded: number } | undefined,
): boolean {
  if (object === undefined) return etagMatches === undefined && uploadedAfter === undefined;
  const round = (ms: number) => (secondsGranularity ? Math.floor(ms / 1000) * 1000 : ms);
  if (etagMatches !== undefined) {
    if (!etagMatches.some((one) => !one.weak && names(one, object.etag))) return false;
  } else if (uploadedBefore !== undefined && round(object.uploaded) >= round(uploadedBefore)) return false;
  if (etagDoesNotMatch !== undefined) return !etagDoesNotMatch.some((one) => names(one, object.etag));
  return uploadedAfter === undefined || round(object.uploaded) > round(uploadedAfter);
}

function names({ value }: EtagCondition, etag: string): boolean {
  return value === undefined || value === etag;
}

/** A list of ETags as `If-Match` and `If-None-Match` have it. Text without quotes counts as one ETag. */
export function parseEtags(header: string): EtagCondition[] {
  const conditions: EtagCondition[] = [];
  for (const [, weak, quoted, bare] of header.matchAll(/(W\/)?"([^"]*)"|([^\s,"]+)/g)) {
    if (bare === "*") conditions.push({});
    else conditions.push({ value: quoted ?? bare ?? "", ...(weak && { weak: true }) });
  }
  return conditions;
}
