import type { RequestHead } from "../lib/http/request-head.ts";
import { headerNames } from "./headers.ts";

const cookieId = headerNames.id("cookie");

/** The first cookie of this name that the request brings. */
export function cookieOf(head: RequestHead, name: string): string | undefined {
  for (let index = head.indexOf(cookieId); index >= 0; index = head.indexOf(cookieId, index + 1)) {
    for (const pair of head.value(index).split(";")) {
      const text = pair.trimStart();
      if (text.startsWith(name) && text[name.length] === "=") return text.slice(name.length + 1).trimEnd();
    }
  }
  return undefined;
}

/** A line that sets a cookie for this host alone, out of reach of scripts. */
export function setCookie(name: string, value: string, maxAgeSeconds: number, scheme: string): string {
  const secure = scheme === "https://" ? "; Secure" : "";
  return `Set-Cookie: ${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}\r\n`;
}
