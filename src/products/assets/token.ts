import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { errors } from "./errors.ts";

/**
 * Tokens of the upload session: JWTs with HS256, since the client reads `exp` from the payload. They hold all that the
 * server must know again, so any process can check them and a request may be repeated until they expire.
 */
export interface TokenClaims {
  /** `upload` opens the upload calls; `completion` stands for "all files are here" in the version's metadata. */
  purpose: "upload" | "completion";
  accountId: string;
  scriptName: string;
  /** Name of the checked manifest. */
  manifest: string;
}

const HEADER = encode({ alg: "HS256", typ: "JWT" });
/** A token is short; longer texts are not looked at. */
const MAX_TOKEN_CHARS = 2048;

const Payload = z.object({
  purpose: z.enum(["upload", "completion"]),
  accountId: z.string(),
  scriptName: z.string(),
  manifest: z.string(),
  iat: z.number(),
  exp: z.number(),
});

/** Signs a token that expires `lifeSeconds` after `nowMs`. The key is secret, 32 bytes or more. */
export function signToken(key: Buffer, claims: TokenClaims, nowMs: number, lifeSeconds: number): string {
  const iat = Math.floor(nowMs / 1000);
  const signed = `${HEADER}.${encode({ ...claims, iat, exp: iat + lifeSeconds })}`;
  return `${signed}.${signature(key, signed).toString("base64url")}`;
}

/** What a token must say to be accepted. */
export type TokenWish = Pick<TokenClaims, "purpose" | "accountId"> & Partial<Pick<TokenClaims, "scriptName">>;

/** Checks a token for one use and returns its claims. Throws an `ApiError` (401) that says what is wrong. */
export function verifyToken(key: Buffer, token: string, wish: TokenWish, nowMs: number): TokenClaims {
  const parts = token.length > MAX_TOKEN_CHARS ? [] : token.split(".");
  const [header, body, mac] = parts;
  if (parts.length !== 3 || header === undefined || body === undefined || mac === undefined)
    throw errors.badToken("it is no token");
  // The header is compared as text: no other algorithm is ever considered.
  const given = Buffer.from(mac, "base64url");
  const expected = signature(key, `${header}.${body}`);
  const genuine = header === HEADER && given.length === expected.length && timingSafeEqual(given, expected);
  if (!genuine) throw errors.badToken("it was not issued by this platform, or its key was replaced");
  const payload = Payload.safeParse(JSON.parse(Buffer.from(body, "base64url").toString()));
  if (!payload.success) throw errors.badToken("it lacks a claim");
  const { iat: _, exp, ...claims } = payload.data;
  if (exp * 1000 <= nowMs) throw errors.badToken("it has expired");
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

function signature(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
