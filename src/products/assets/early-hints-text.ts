import type { AssetRequest } from "./asset-request.ts";
import { mayGetHints } from "./early-hints.ts";

/** The interim response with these links, or "" when there are none or the client may not get one. */
export function earlyHints(request: AssetRequest, links: readonly string[]): string {
  if (links.length === 0) return "";
  const { method, httpVersion, header, target } = request;
  if (!mayGetHints({ method, httpVersion, header, path: target.path })) return "";
  return `HTTP/1.1 103 Early Hints\r\nlink: ${links.join(", ")}\r\n\r\n`;
}
