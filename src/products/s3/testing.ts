/** Helpers for tests of the S3 API: requests as the real client signs them. */
import { S3Client } from "@aws-sdk/client-s3";
import { AccessKeys, type Permission } from "./keys.ts";
import type { SignedRequest } from "./signature.ts";
import { parseQuery } from "./uri.ts";

export const KEY_ID = "0123456789abcdef0123456789abcdef";
export const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
export const ACCOUNT = "a".repeat(32);

/** Access keys with one that the tests use. */
export function testKeys(permission: Permission = "admin-read-write", buckets?: string[], secret = SECRET): AccessKeys {
  const keys = new AccessKeys();
  const key = { id: KEY_ID, accountId: ACCOUNT, permission, sealed: secret, ...(buckets && { buckets }) };
  keys.load([key], ({ sealed }) => sealed);
  return keys;
}

/** A request that a client made, as a server gets it. */
export interface Captured extends SignedRequest {
  body: unknown;
}

interface ClientRequest {
  method: string;
  path: string;
  hostname: string;
  port?: number;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
  body?: unknown;
}

/** The real client, whose requests go nowhere but into `captured`. */
export function capturingClient(captured: Captured[], options: { pathStyle?: boolean } = {}): S3Client {
  return new S3Client({
    region: "auto",
    endpoint: "http://s3.localhost:8787",
    forcePathStyle: options.pathStyle ?? true,
    credentials: { accessKeyId: KEY_ID, secretAccessKey: SECRET },
    maxAttempts: 1,
    requestHandler: {
      handle: async (request: ClientRequest) => {
        captured.push(asReceived(request));
        throw new Error("captured");
      },
    },
  });
}

function asReceived(request: ClientRequest): Captured {
  const query = Object.entries(request.query ?? {}).flatMap(([name, values]) =>
    [values ?? ""].flat().map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
  );
  return {
    method: request.method,
    rawPath: request.path,
    query: parseQuery(query.join("&")),
    headers: new Map(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value])),
    body: request.body,
  };
}

/** The code of the refusal that a call throws; "" when it throws none. */
export function refusalCode(call: () => unknown): string {
  try {
    call();
    return "";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
