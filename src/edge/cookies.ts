import type { RequestHead } from "../lib/http/request-head.ts";
import { headerNames } from "./headers.ts";

const cookieId = headerNames.id("cookie");

/**
 * A line of an answer that is for one visitor: caches that others share, such as a proxy in front, keep it out, whatever else the
 * answer says of caching (RFC 9111 section 5.2.2.7). Of directives that disagree the strictest counts (section 4.2.1).
 */
export const FOR_ONE_VISITOR = "Cache-Control: private\r\n";

/** The first cookie of this name that the request brings. */
export function cookieOf(head: RequestHead, name: string): string | undefined {
  return cookiesOf(head, name).next().value;
}

/**
 * All cookies of this name, in order. Another host below the base domain can set one for all of them, which then
 * comes beside the one that we set, or before it.
 */
export function* cookiesOf(head: RequestHead, name: string): Generator<string, undefined> {
  for (let index = head.indexOf(cookieId); index >= 0; index = head.indexOf(cookieId, index + 1))
    yield* valuesIn(head.value(index), `${name}=`);
}

/** Without a list of all cookies: this is on the way of every request to a split with a rule. */
function* valuesIn(cookies: string, prefix: string): Generator<string, undefined> {
  for (let at = cookies.indexOf(prefix); at >= 0; at = cookies.indexOf(prefix, at + 1)) {
    const before = cookies.slice(0, at).trimEnd();
    if (before !== "" && !before.endsWith(";")) continue;
    const end = cookies.indexOf(";", at);
    yield cookies.slice(at + prefix.length, end < 0 ? undefined : end).trimEnd();
  }
}

/** A line that sets a cookie for this host alone, out of reach of scripts. */
export function setCookie(name: string, value: string, maxAgeSeconds: number, scheme: string): string {
  const secure = scheme === "https://" ? "; Secure" : "";
  return `Set-Cookie: ${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}\r\n`;
}
