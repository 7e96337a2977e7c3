import { createHmac, timingSafeEqual } from "node:crypto";
import type { Platform } from "../../store/platform.ts";
import { TRANSFER_LIFE_MS } from "./api-limits.ts";
import { badAddress } from "./errors.ts";

/** One file of a database that its address lets anybody write (import) or read (export) for a while. */
export interface Transfer {
  kind: "import" | "export";
  accountId: string;
  databaseId: string;
  file: string;
}

/**
 * The address of a transfer. It is at the origin by which the caller reached the API, which is one it can reach,
 * and stands for its own permission: the client calls it without its token.
 */
export function signAddress(platform: Platform, transfer: Transfer, request: Request, nowMs: number): string {
  const expires = Math.floor((nowMs + TRANSFER_LIFE_MS) / 1000);
  const { host } = new URL(request.url);
  // The edge sets it; it speaks plain HTTP to this process.
  const scheme = request.headers.get("x-forwarded-proto") === "https" ? "https" : "http";
  const { kind, accountId, databaseId, file } = transfer;
  const signature = sign(platform, transfer, expires).toString("base64url");
  return (
    `${scheme}://${host}/client/v4/accounts/${accountId}/d1/database/${databaseId}/${kind}/${file}` +
    `?expires=${expires}&signature=${signature}`
  );
}

/** Checks an address. Error 7403 (HTTP 403). */
export function verifyAddress(platform: Platform, transfer: Transfer, query: URLSearchParams, nowMs: number): void {
  const expires = Number(query.get("expires"));
  const given = Buffer.from(query.get("signature") ?? "", "base64url");
  const expected = sign(platform, transfer, expires);
  const genuine = given.length === expected.length && timingSafeEqual(given, expected);
  if (!genuine) throw badAddress("its signature is wrong");
  if (expires * 1000 <= nowMs) throw badAddress("it has expired");
}

function sign(platform: Platform, { kind, accountId, databaseId, file }: Transfer, expires: number): Buffer {
  return createHmac("sha256", platform.signingKey("d1 transfers"))
    .update([kind, accountId, databaseId, file, expires].join("\n"))
    .digest();
}
