/** The S3 API with the real client. */
import { Agent } from "node:http";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { loopbackLookup } from "./http.ts";
import type { Platform } from "./platform.ts";

export interface AccessKey {
  id: string;
  access_key_id: string;
  secret_access_key: string;
}

export interface KeyChoices {
  permission?: string;
  buckets?: string[];
}

export async function createAccessKey(
  { api }: Platform,
  { permission = "admin-read-write", buckets }: KeyChoices = {},
): Promise<AccessKey> {
  const body = { name: "test", permission, ...(buckets && { buckets }) };
  return (await api.send("POST", "/r2/access_keys", body)) as AccessKey;
}

const agent = new Agent({ keepAlive: true, maxSockets: 20, lookup: loopbackLookup });

export function s3Client(
  platform: Platform,
  key: Pick<AccessKey, "access_key_id" | "secret_access_key">,
  options: S3ClientConfig = {},
): S3Client {
  return new S3Client({
    region: "auto",
    endpoint: `http://s3.localhost:${platform.port}`,
    credentials: { accessKeyId: key.access_key_id, secretAccessKey: key.secret_access_key },
    requestHandler: { httpAgent: agent },
    ...options,
  });
}

/** What `promise` is refused with: S3's code and the HTTP status. */
export async function refusal(promise: Promise<unknown>): Promise<[code: string, status: number | undefined]> {
  try {
    await promise;
    return ["", undefined];
  } catch (error) {
    const { name, Code, $metadata } = error as { name: string; Code?: string; $metadata?: { httpStatusCode?: number } };
    return [Code ?? name, $metadata?.httpStatusCode];
  }
}
