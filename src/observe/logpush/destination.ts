import { BUCKET_NAME } from "../../products/r2/limits.ts";
import { badJob } from "./errors.ts";
import { logpushLimits } from "./limits.ts";

export interface BucketDestination {
  bucket: string;
  /** Without slashes at its ends; may have `{DATE}`. */
  path: string;
  accessKeyId: string;
  secretAccessKey: string;
}

export type Destination =
  | (BucketDestination & { kind: "r2" })
  | (BucketDestination & {
      kind: "s3";
      region: string /** An origin; undefined: Amazon's. */;
      endpoint: string | undefined;
      encrypted: boolean;
    })
  | { kind: "https"; url: string; headers: Record<string, string> };

/** What stands in place of a secret where a destination is shown. */
const MASK = "REDACTED";
/** Parameters of a bucket's address that are none, as they are written: what is written otherwise is not shown. */
const SHOWN = /^(account-id|access-key-id|region|endpoint|sse)=/;

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
/** What the upload itself decides. */
const OWN_HEADERS =
  /^(host|connection|content-length|content-encoding|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*)$/i;

/** Reads `destination_conf`; error 1004. `accountId` is the account that the job is of. */
export function readDestination(conf: string, accountId: string): Destination {
  if (conf.length > logpushLimits.destinationChars)
    throw bad(`it has more than ${logpushLimits.destinationChars} characters`);
  const scheme = /^([a-z0-9+.-]+):\/\//i.exec(conf)?.[1]?.toLowerCase();
  if (scheme === "r2") return readR2(conf, accountId);
  if (scheme === "s3") return readS3(conf);
  if (scheme === "https") return readHttps(conf);
  const what = scheme === undefined ? "it has no scheme" : `${scheme}:// is not known here`;
  throw bad(
    `${what}. Use r2://, s3:// (of any provider, with endpoint=) or https:// (Splunk, Datadog and others take it, too)`,
  );
}

/** As it may be shown: no keys, no headers, no parameters of an address. */
export function shownDestination(conf: string): string {
  const [address = "", query] = conf.split(/\?(.*)/s, 2);
  if (query === undefined) return address;
  const isBucket = !/^https:/i.test(conf);
  const shown = query.split("&").map((pair) => {
    if (pair === "" || (isBucket && SHOWN.test(pair))) return pair;
    return pair.includes("=") ? pair.replace(/=.*/s, `=${MASK}`) : MASK;
  });
  return `${address}?${shown.join("&")}`;
}

/** Of one that was shown and came back, and one that was the same before: the latter, with its secrets. */
export function withSecrets(conf: string, previous: string): string {
  return conf === shownDestination(previous) ? previous : conf;
}

/** What it leads to, apart from keys: for proofs of ownership. */
export function placeOf(destination: Destination): string {
  if (destination.kind === "https") return new URL(destination.url).origin;
  const at = destination.kind === "s3" ? (destination.endpoint ?? destination.region) : "";
  return `${destination.kind}://${at}/${destination.bucket}/${destination.path}`;
}

/** Key of a file in a bucket. */
export function objectKey({ path }: BucketDestination, file: string, atMs: number): string {
  const date = new Date(atMs).toISOString().slice(0, 10).replaceAll("-", "");
  return [path.replaceAll("{DATE}", date), file].filter(Boolean).join("/");
}

function readR2(conf: string, accountId: string): Destination {
  const { bucket, path, query } = bucketAddress(conf);
  if (!BUCKET_NAME.test(bucket)) throw bad(`${JSON.stringify(bucket)} is no name of a bucket`);
  expectOnly(query, ["account-id", "access-key-id", "secret-access-key"]);
  if (required(query, "account-id", "r2://") !== accountId)
    throw bad("account-id is not this account; for a bucket of another one use s3:// with endpoint=");
  return { kind: "r2", bucket, path, ...keysOf(query, "r2://") };
}

function readS3(conf: string): Destination {
  const { bucket, path, query } = bucketAddress(conf);
  if (!/^[A-Za-z0-9._-]{3,63}$/.test(bucket)) throw bad(`${JSON.stringify(bucket)} is no name of a bucket`);
  expectOnly(query, ["region", "endpoint", "sse", "access-key-id", "secret-access-key"]);
  const sse = query.get("sse");
  if (sse !== null && sse !== "AES256") throw bad("sse can be AES256 only");
  const region = required(query, "region", "s3://");
  if (!/^[a-z0-9-]{1,40}$/.test(region)) throw bad(`${JSON.stringify(region.slice(0, 40))} is no region`);
  const endpoint = query.get("endpoint");
  const common = { kind: "s3" as const, bucket, path, region, encrypted: sse !== null };
  return { ...common, endpoint: endpoint ? originOf(endpoint) : undefined, ...keysOf(query, "s3://") };
}

function readHttps(conf: string): Destination {
  let url: URL;
  try {
    url = new URL(conf);
  } catch {
    throw bad("it is no URL");
  }
  if (url.username !== "" || url.password !== "") throw bad("name and password belong into header_Authorization");
  const headers: Record<string, string> = {};
  const rest: string[] = [];
  // What is no header stays as it was written.
  for (const pair of url.search.slice(1).split("&").filter(Boolean)) {
    const [name = "", value = ""] = pair.split(/=(.*)/s, 2).map(decoded);
    if (!name.startsWith("header_")) {
      rest.push(pair);
      continue;
    }
    const header = name.slice("header_".length);
    if (!HEADER_NAME.test(header) || OWN_HEADERS.test(header))
      throw bad(`header ${JSON.stringify(header)} cannot be set`);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw bad(`the value of header ${header} has characters that none may have`);
    headers[header] = value;
  }
  if (Object.keys(headers).length > logpushLimits.headers)
    throw bad(`it has more than ${logpushLimits.headers} headers`);
  url.search = rest.join("&");
  url.hash = "";
  return { kind: "https", url: url.href, headers };
}

/** `<scheme>://<bucket>[/<path>][?<query>]`. */
function bucketAddress(conf: string): { bucket: string; path: string; query: URLSearchParams } {
  const [, bucket = "", path = "", query = ""] = /^[a-z0-9]+:\/\/([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/is.exec(conf) ?? [];
  const trimmed = path.replace(/^\/+|\/+$/g, "");
  if (Buffer.byteLength(trimmed) > 900) throw bad("the path has more than 900 bytes");
  const left = /\{(?!DATE\})/.exec(trimmed);
  if (left) throw bad("the only placeholder that a path may have is {DATE}");
  return { bucket, path: trimmed, query: new URLSearchParams(query.replaceAll("+", "%2B")) };
}

function keysOf(query: URLSearchParams, scheme: string) {
  return {
    accessKeyId: required(query, "access-key-id", scheme),
    secretAccessKey: required(query, "secret-access-key", scheme),
  };
}

function required(query: URLSearchParams, name: string, scheme: string): string {
  const value = query.get(name);
  if (!value) throw bad(`a ${scheme} destination needs ${name}=`);
  return value;
}

function expectOnly(query: URLSearchParams, names: string[]): void {
  const other = [...query.keys()].find((name) => !names.includes(name));
  if (other !== undefined)
    throw bad(`parameter ${JSON.stringify(other.slice(0, 60))} is not known; there are ${names.join(", ")}`);
}

function originOf(endpoint: string): string {
  if (endpoint.startsWith("http://")) throw bad("the endpoint must be reached by https");
  try {
    const url = new URL(/^https:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`);
    if (url.protocol === "https:" && url.username === "" && url.pathname === "/" && url.search === "")
      return url.origin;
  } catch {
    // Said below.
  }
  throw bad("the endpoint must be a host name, without bucket and path");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad("a parameter is not well encoded");
  }
}

const bad = (why: string) => badJob(`error parsing destination_conf: ${why}.`);
