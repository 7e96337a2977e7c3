import { SEMICOLON, SPACE, TAB } from "../lib/http/characters.ts";
import type { RequestHead } from "../lib/http/request-head.ts";
import { headerNames } from "./headers.ts";

const cookieId = headerNames.id("cookie");
const EQUALS = 0x3d;

/**
 * A line of an answer that is for one visitor: caches that others share, such as a proxy in front, keep it out, whatever else the
 * answer says of caching (RFC 9111 section 5.2.2.7). Of directives that disagree the strictest counts (section 4.2.1).
 */
export const FOR_ONE_VISITOR = "Cache-Control: private\r\n";

/** The first cookie of this name that the request brings. This is on the way of every request to a split with a rule. */
export function cookieOf(head: RequestHead, name: string): string | undefined {
  for (let index = head.indexOf(cookieId); index >= 0; index = head.indexOf(cookieId, index + 1)) {
    const cookies = head.value(index);
    const at = placeIn(cookies, name, 0);
    if (at >= 0) return valueAt(cookies, at);
  }
  return undefined;
}

/**
 * All cookies of this name, in order. Another host below the base domain can set one for all of them, which then
 * comes beside the one that we set, or before it.
 */
export function* cookiesOf(head: RequestHead, name: string): Generator<string, undefined> {
  for (let index = head.indexOf(cookieId); index >= 0; index = head.indexOf(cookieId, index + 1)) {
    const cookies = head.value(index);
    for (let at = placeIn(cookies, name, 0); at >= 0; at = placeIn(cookies, name, at)) yield valueAt(cookies, at);
  }
}

/** Where the value of the next cookie of this name begins, from `from` on; or -1. Makes no text that is thrown away. */
function placeIn(cookies: string, name: string, from: number): number {
  for (let at = cookies.indexOf(name, from); at >= 0; at = cookies.indexOf(name, at + 1)) {
    const equals = at + name.length;
    if (cookies.charCodeAt(equals) !== EQUALS) continue;
    let before = at - 1;
    while (before >= 0 && (cookies.charCodeAt(before) === SPACE || cookies.charCodeAt(before) === TAB)) before--;
    if (before < 0 || cookies.charCodeAt(before) === SEMICOLON) return equals + 1;
  }
  return -1;
}

function valueAt(cookies: string, start: number): string {
  const end = cookies.indexOf(";", start);
  return cookies.slice(start, end < 0 ? undefined : end).trimEnd();
}

/** A line that sets a cookie for this host alone, out of reach of scripts. */
export function setCookie(name: string, value: string, maxAgeSeconds: number, scheme: string): string {
  const secure = scheme === "https://" ? "; Secure" : "";
  return `Set-Cookie: ${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}\r\n`;
}
