import { z } from "zod";
import { signClaims, verifyClaims } from "../../lib/signed-token.ts";
import { errors } from "./errors.ts";

/** Tokens of the upload session. A request may be repeated with one until it expires. */
export interface TokenClaims {
  /** `upload` opens the upload calls; `completion` stands for "all files are here" in the version's metadata. */
  purpose: "upload" | "completion";
  accountId: string;
  scriptName: string;
  /** Name of the checked manifest. */
  manifest: string;
}

const Claims = z.object({
  purpose: z.enum(["upload", "completion"]),
  accountId: z.string(),
  scriptName: z.string(),
  manifest: z.string(),
});

/** Signs a token that expires `lifeSeconds` after `nowMs`. The key is secret, 32 bytes or more. */
export function signToken(key: Buffer, claims: TokenClaims, nowMs: number, lifeSeconds: number): string {
  return signClaims(key, claims, nowMs, lifeSeconds);
}

/** What a token must say to be accepted. */
export type TokenWish = Pick<TokenClaims, "purpose" | "accountId"> & Partial<Pick<TokenClaims, "scriptName">>;

/** Checks a token for one use and returns its claims. Throws an `ApiError` (401) that says what is wrong. */
export function verifyToken(key: Buffer, token: string, wish: TokenWish, nowMs: number): TokenClaims {
  const verified = verifyClaims(key, token, nowMs);
  if ("refused" in verified) throw errors.badToken(verified.refused);
  const parsed = Claims.safeParse(verified.claims);
  if (!parsed.success) throw errors.badToken("it lacks a claim");
  const claims = parsed.data;
  if (claims.purpose !== wish.purpose) {
    throw errors.badToken(
      wish.purpose === "upload" ? "it is the token of a finished upload" : "the upload is not finished",
    );
  }
  if (claims.accountId !== wish.accountId) throw errors.badToken("it is for another account");
  if (wish.scriptName !== undefined && claims.scriptName !== wish.scriptName)
    throw errors.badToken(`it is for the script ${claims.scriptName}`);
  return claims;
}
