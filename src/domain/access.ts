import { signClaims, verifyClaims } from "../lib/signed-token.ts";

/**
 * Access to protected addresses. Control signs tokens, edges check them by themselves: the key is derived from the master
 * key and written where they find it. A token opens every protected address of one script.
 */
export const ACCESS_PURPOSE = "access";

/** Where a request brings its token: a link's query, the cookie that the link sets, or a header that no Worker sees. */
export const accessNames = { query: "freehold_access", cookie: "freehold_access", header: "freehold-access" } as const;

/** Which addresses of a script are protected: its version and alias URLs, or all. */
export type ProtectedScope = "previews" | "all";

/** How a script is protected. */
export interface Protection {
  scope: ProtectedScope;
  /** Tokens of another epoch open nothing: this is how all that were given out are ended. */
  epoch: number;
}

/** What a token must have been made for. */
export interface AccessTarget {
  /** `RoutedScript.id`: another script that gets the name later is another target. */
  scriptId: string;
  epoch: number;
}

/** Makes a token that opens the target for so long. */
export function signAccess(key: Buffer, target: AccessTarget, nowMs: number, lifeSeconds: number): string {
  const { scriptId, epoch } = target;
  return signClaims(key, { purpose: ACCESS_PURPOSE, scriptId, epoch }, nowMs, lifeSeconds);
}

/** For how many seconds the token opens the target; 0 when it does not. The signature is compared in constant time. */
export function accessSeconds(key: Buffer, token: string, target: AccessTarget, nowMs: number): number {
  const verified = verifyClaims(key, token, nowMs);
  if ("refused" in verified) return 0;
  const { purpose, scriptId, epoch } = verified.claims;
  const opens = purpose === ACCESS_PURPOSE && scriptId === target.scriptId && epoch === target.epoch;
  return opens ? Math.ceil((verified.expiresMs - nowMs) / 1000) : 0;
}
