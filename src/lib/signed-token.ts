import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * JWTs with HS256. They hold all that the server must know again, so any process that has the key can check them, and
 * clients may read `exp` from the payload.
 */

const HEADER = encode({ alg: "HS256", typ: "JWT" });
/** A token is short; longer texts are not looked at. */
const MAX_TOKEN_CHARS = 2048;

/** A payload whose signature is ours and whose time has not come, still to be checked for what it claims. */
export type Verified = { claims: Record<string, unknown>; expiresMs: number } | { refused: string };

/** Signs claims that expire `lifeSeconds` after `nowMs`. The key is secret, 32 bytes or more. */
export function signClaims(key: Buffer, claims: object, nowMs: number, lifeSeconds: number): string {
  const iat = Math.floor(nowMs / 1000);
  const signed = `${HEADER}.${encode({ ...claims, iat, exp: iat + lifeSeconds })}`;
  return `${signed}.${signature(key, signed).toString("base64url")}`;
}

/** Checks signature and time. `refused` says in words what is wrong, to follow "the token is no good: ". */
export function verifyClaims(key: Buffer, token: string, nowMs: number): Verified {
  const parts = token.length > MAX_TOKEN_CHARS ? [] : token.split(".");
  const [header, body, mac] = parts;
  if (parts.length !== 3 || header === undefined || body === undefined || mac === undefined)
    return { refused: "it is no token" };
  // The header is compared as text: no other algorithm is ever considered.
  const given = Buffer.from(mac, "base64url");
  const expected = signature(key, `${header}.${body}`);
  const genuine = header === HEADER && given.length === expected.length && timingSafeEqual(given, expected);
  if (!genuine) return { refused: "it was not issued by this platform, or its key was replaced" };
  const { iat: _, exp, ...claims } = JSON.parse(Buffer.from(body, "base64url").toString()) as Record<string, unknown>;
  if (typeof exp !== "number") return { refused: "it lacks a claim" };
  if (exp * 1000 <= nowMs) return { refused: "it has expired" };
  return { claims, expiresMs: exp * 1000 };
}

function signature(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
