/**
 * Refusals about zones, routes and custom domains. The client knows 10020 and takes care that no other is 10000, which
 * makes it fall back to another way (`wrangler-api.md` 2.10); 1049, 1061 and 7003 are the original's for zones. The rest is ours.
 */
import { ApiError } from "../lib/api.ts";
import { MAX_CUSTOM_DOMAINS } from "../products/r2/limits.ts";
import { MAX_DOMAINS_PER_ZONE, MAX_DOMAINS_WITHOUT_ZONE, MAX_ROUTES_PER_ZONE, MAX_ZONES } from "./limits.ts";

const refuse = (status: number, code: number, message: string) => new ApiError(status, { code, message });
const quoted = (text: string) => JSON.stringify(text.slice(0, 200));

export const invalidZoneName = (name: string) =>
  refuse(
    400,
    1049,
    `${quoted(name)} cannot be a zone. Give a domain such as example.com: letters, digits and hyphens, two labels at least.`,
  );

export const zoneExists = (name: string) =>
  refuse(409, 1061, `The zone ${name} already exists. \`freehold zone list\` shows those of your account.`);

export const tooManyZones = () =>
  refuse(400, 10089, `The account has ${MAX_ZONES} zones, which is the limit. Remove some: \`freehold zone remove\`.`);

/** Ids of other accounts' zones are as unknown as any other. */
export const zoneNotFound = (id: string) =>
  refuse(404, 7003, `There is no zone ${quoted(id)} on your account. \`freehold zone list\` shows those there are.`);

export const noZoneForHost = (host: string) =>
  refuse(
    400,
    10082,
    `Could not find zone for ${quoted(host)} on your account. Make the zone of its domain first, such as: freehold zone add example.com`,
  );

export const zoneOfOthers = (name: string, zone: string) =>
  refuse(409, 1061, `${name} is part of the zone ${zone}, which belongs to another account.`);

export const zoneHasOthers = (name: string, domain: string) =>
  refuse(409, 1061, `${domain}, which is in ${name}, belongs to another account.`);

export const outsideZone = (what: string, zone: string) =>
  refuse(400, 10083, `${quoted(what)} is outside of the zone ${zone}. Name a host of the zone, or another zone.`);

export const platformName = (name: string) =>
  refuse(
    409,
    10084,
    `${name} is a name of the platform itself (its API, an account's Workers, or Pages). Choose a name that is not under it.`,
  );

export const invalidPattern = (pattern: string, why: string) =>
  refuse(
    400,
    10022,
    `The route pattern ${quoted(pattern)} is not valid: ${why}. Patterns look like example.com/path/*: ` +
      "`*` may begin the host and end the path.",
  );

/** `owner`: the script that has it; undefined for a route without one. */
export const routeTaken = (pattern: string, owner: string | undefined) =>
  refuse(
    409,
    10020,
    owner === undefined
      ? `The route ${quoted(pattern)} exists already, as one without a Worker. Remove it first, or change it through the zone's routes.`
      : `Can't deploy routes that are assigned to another worker. "${owner}" is already assigned to the route ${quoted(pattern)}. ` +
          "Remove it there first, or use another pattern.",
  );

export const routeNotFound = (id: string) =>
  refuse(
    404,
    10009,
    `There is no route ${quoted(id)} in this zone. GET /zones/<zone>/workers/routes lists those there are.`,
  );

export const tooManyRoutes = (zone: string) =>
  refuse(
    400,
    10085,
    `The zone ${zone} would have more than ${MAX_ROUTES_PER_ZONE} routes, which is the limit. Use wildcards.`,
  );

export const invalidHostname = (hostname: string) =>
  refuse(
    400,
    100113,
    `${quoted(hostname)} cannot be a custom domain. Give one whole host name, such as app.example.com, without wildcard, port and path.`,
  );

export const domainTaken = (hostname: string, owner: string) =>
  refuse(
    409,
    100116,
    `${hostname} is already the custom domain of "${owner}". Remove it there first, or repeat with override_existing_origin.`,
  );

/** A bucket may be gone, with the S3 API, and its domain is left: it is removed all the same. */
export const domainOfBucket = (hostname: string, bucket: string) =>
  refuse(
    409,
    100116,
    `${hostname} is already the custom domain of the bucket "${bucket}". ` +
      `Remove it there first: wrangler r2 bucket domain remove ${bucket} --domain ${hostname}`,
  );

export const tooManyBucketDomains = () =>
  refuse(400, 10029, `A bucket has at most ${MAX_CUSTOM_DOMAINS} custom domains. Remove some that are not used.`);

export const bucketDomainNotFound = (bucket: string, domain: string) =>
  refuse(404, 10007, `The bucket "${bucket.slice(0, 64)}" has no custom domain ${quoted(domain)}.`);

/** Which account has it is nobody's business. */
export const domainOfOthers = (hostname: string) =>
  refuse(409, 100116, `${hostname} is already a custom domain of another account.`);

export const domainNotFound = (id: string) =>
  refuse(
    404,
    100115,
    `There is no custom domain ${quoted(id)}. GET /accounts/<account>/workers/domains lists those there are.`,
  );

/** Undefined: outside of all zones. */
export const tooManyDomains = (zone: string | undefined) =>
  refuse(
    400,
    100114,
    zone === undefined
      ? `The account would have more than ${MAX_DOMAINS_WITHOUT_ZONE} custom domains outside of its zones, which is the limit.`
      : `The zone ${zone} would have more than ${MAX_DOMAINS_PER_ZONE} custom domains, which is the limit.`,
  );
