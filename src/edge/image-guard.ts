/**
 * Guards of the original's router for image optimisers that frameworks bring along (workers-semantics.md 2.2): what they
 * are made to fetch from elsewhere must not pass for a page of this host.
 */
import type { RequestHead } from "../lib/http/request-head.ts";
import type { ResponseHead } from "../lib/http/response-head.ts";
import { headerNames } from "./headers.ts";

const destinationId = headerNames.id("sec-fetch-dest");
const contentTypeId = headerNames.id("content-type");

/** `block`: answer 403. `check`: the Worker may answer, but with an image only. */
export type ImageGuard = "none" | "check" | "block";

/** What to do about a request that goes to a Worker beside assets. */
export function imageGuard(head: RequestHead): ImageGuard {
  const { target } = head;
  if (!target.includes("image")) return "none";
  const question = target.indexOf("?");
  if (question < 0) return "none";
  const path = target.slice(0, question);
  const nextImage = path.endsWith("/_next/image");
  if ((!nextImage && path !== "/_image") || head.get(destinationId) === "image") return "none";
  const query = new URLSearchParams(target.slice(question));
  if (nextImage) {
    const url = query.get("url");
    return url !== null && !isRelative(url) ? "check" : "none";
  }
  const href = query.get("href");
  return href !== null && /^[/\\]{2}/.test(href.trim()) && URL.parse(href, "http://x")?.host !== head.host.toLowerCase()
    ? "block"
    : "none";
}

/** Whether a guarded answer may pass: a single type, an image or plain text. */
export function passesGuard(head: ResponseHead): boolean {
  const index = head.indexOf(contentTypeId);
  if (index < 0 || head.indexOf(contentTypeId, index + 1) >= 0) return false;
  const value = head.value(index).toLowerCase();
  if (value.includes(",")) return false;
  const type = value.split(";", 1)[0]?.trim() ?? "";
  return type.startsWith("image/") || type === "text/plain";
}

function isRelative(url: string): boolean {
  return url.startsWith("/") && !/^[/\\]{2}/.test(url);
}
