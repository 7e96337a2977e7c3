import { accessNames } from "../domain/access.ts";
import { versionKeyHeader, versionOverridesHeader } from "../domain/split.ts";
import { coreId, HeaderNames } from "../lib/http/header-names.ts";
import type { RequestHead } from "../lib/http/request-head.ts";
import type { ResponseHead } from "../lib/http/response-head.ts";
import { droppedInRequest, droppedInResponse, requestText, responseText } from "../lib/http/rewrite.ts";
import { assetHeaderNames } from "../products/assets/asset-request.ts";
import type { Client, PageFormat } from "./client.ts";
import { edgeLimits } from "./limits.ts";

/** Sent by the client of remote development: which session the request is for (`wrangler-api.md` 7.2). */
const SESSION_TOKEN = "cf-workers-preview-token";

/** What only we may say about a request: never taken from a client, whatever it sends. */
const ours = [
  "cf-blob",
  // Would choose another of the cache's parts when a Worker passes the request on to `caches.default`.
  "cf-cache-namespace",
  "cf-connecting-ip",
  "cf-connecting-ipv6",
  "cf-ew-via",
  "cf-ipcity",
  "cf-ipcontinent",
  "cf-ipcountry",
  "cf-iplatitude",
  "cf-iplongitude",
  "cf-metro-code",
  "cf-postal-code",
  "cf-pseudo-ipv4",
  "cf-ray",
  "cf-region",
  "cf-region-code",
  "cf-timezone",
  "cf-visitor",
  "cf-worker",
  SESSION_TOKEN,
  "cdn-loop",
  "forwarded",
  accessNames.header,
  "true-client-ip",
  "x-forwarded-*",
  "x-real-ip",
];

/** By which the edge chooses a version; Workers see them. */
const choosing = [versionKeyHeader, versionOverridesHeader, "cookie"];

export const headerNames = new HeaderNames([...ours, ...assetHeaderNames, ...choosing, "content-type", "link"]);

const droppedFromClient = droppedInRequest(headerNames, ours);
/** A request to storage is signed: what came is what must arrive. */
const droppedFromSigned = droppedInRequest(headerNames, ["x-forwarded-*"]);
const cookieId = headerNames.id("cookie");
/** Of a request that was let in to a protected address; its other cookies are added again. */
const droppedCredentials = {
  cookie: droppedInRequest(headerNames, [...ours, "cookie"]),
  "cookie and authorization": droppedInRequest(headerNames, [...ours, "cookie", "authorization"]),
};
const droppedFromUpstream = droppedInResponse(headerNames, ["date", "cf-ray"]);
const connectingIpId = headerNames.id("cf-connecting-ip");
const cdnLoopId = headerNames.id("cdn-loop");
const sessionTokenId = headerNames.id(SESSION_TOKEN);

/** Token of a session of remote development. Undefined on nearly every request. */
export function sessionToken(head: RequestHead): string | undefined {
  return head.get(sessionTokenId);
}

/** The request as the Worker's runner gets it, or undefined when it has been through here too often. */
export function workerRequest(head: RequestHead, client: Client): string | undefined {
  const loop = cdnLoop(head);
  if (loop === undefined) return undefined;
  const { credentials } = client;
  const fields =
    credentials === "none"
      ? requestText(head, droppedFromClient)
      : requestText(head, droppedCredentials[credentials]) + otherCookies(head);
  const visitor = client.caller ? visitorFields(head) : "";
  return `${fields}${client.workerFields}${visitor}${loop}CF-Ray: ${client.ray}\r\n\r\n`;
}

/** A line with the cookies that are not the edge's own, or "". */
function otherCookies(head: RequestHead): string {
  const cookies: string[] = [];
  for (let index = head.indexOf(cookieId); index >= 0; index = head.indexOf(cookieId, index + 1)) {
    for (const pair of head.value(index).split(";")) {
      const text = pair.trim();
      if (text !== "" && !text.startsWith(`${accessNames.cookie}=`)) cookies.push(text);
    }
  }
  return cookies.length === 0 ? "" : `Cookie: ${cookies.join("; ")}\r\n`;
}

/**
 * A Worker's own request to its account's names keeps the address of the visitor on whose behalf it is made, as `fetch(request)`
 * passes it on.
 */
function visitorFields(head: RequestHead): string {
  const address = head.get(connectingIpId);
  if (address === undefined || !/^[\da-f.:]{2,45}$/i.test(address)) return "";
  return `CF-Connecting-IP: ${address}\r\nX-Real-IP: ${address}\r\nX-Forwarded-For: ${address}\r\n`;
}

/** The request as control gets it. */
export function apiRequest(head: RequestHead, client: Client): string {
  return `${requestText(head, droppedFromClient)}${client.apiFields}CF-Ray: ${client.ray}\r\n\r\n`;
}

/** The request as storage gets it. */
export function storageRequest(head: RequestHead, client: Client): string {
  return `${requestText(head, droppedFromSigned)}${client.apiFields}\r\n`;
}

/** The response as the client gets it. */
export function clientResponse(head: ResponseHead, client: Client, date: string): string {
  return `${responseText(head, droppedFromUpstream)}Date: ${date}\r\nCF-Ray: ${client.ray}\r\n${client.answerFields}`;
}

const FIRST_LOOP = "CDN-Loop: freehold; loops=1\r\n";

/** The CDN-Loop field (RFC 8586): marks of others are kept, ours counts up. Undefined beyond the limit. */
function cdnLoop(head: RequestHead): string | undefined {
  let index = head.indexOf(cdnLoopId);
  if (index < 0) return FIRST_LOOP;
  const others: string[] = [];
  let loops = 0;
  for (; index >= 0; index = head.indexOf(cdnLoopId, index + 1)) {
    for (const mark of head.value(index).split(",")) {
      const text = mark.trim();
      if (/^freehold(\s*;|$)/i.test(text)) loops += Number(/;\s*loops=(\d{1,4})\s*(;|$)/i.exec(text)?.[1] ?? 1);
      else if (text !== "") others.push(text);
    }
  }
  if (loops >= edgeLimits.loops) return undefined;
  return `CDN-Loop: ${[...others, `freehold; loops=${loops + 1}`].join(", ")}\r\n`;
}

/** What kind of error page suits the request. */
export function pageFormat(head: RequestHead): PageFormat {
  const index = head.indexOf(coreId.accept);
  // The commonest value, "*/*", needs no look.
  if (index < 0 || (head.valueEnds[index] as number) - (head.valueStarts[index] as number) < 9) return "text";
  const accept = head.value(index).toLowerCase();
  if (accept.includes("text/html")) return "html";
  return accept.includes("application/json") || accept.includes("+json") ? "json" : "text";
}

/**
 * Whether the runtime itself answered, not user code: our runners put a `server` field on every response of user code
 * (`injectResponseHeaders`), which user code cannot take away.
 */
export function isRuntimeFailure(head: ResponseHead): boolean {
  return head.status >= 400 && !head.keepAlive && head.indexOf(coreId.server) < 0;
}
