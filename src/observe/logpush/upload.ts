import { timingSafeEqual } from "node:crypto";
import type { Buckets } from "../../products/r2/buckets.ts";
import { type AccessKeys, mayDo } from "../../products/s3/keys.ts";
import type { GuardedAgent } from "../../workerd/guarded-agent.ts";
import { type BucketDestination, type Destination, objectKey } from "./destination.ts";
import { isSuccess, send } from "./guarded-request.ts";
import { UPLOAD_MS } from "./limits.ts";

/** A file on its way. */
export interface Upload {
  name: string;
  body: Buffer;
  isGzip: boolean;
  /** What `{DATE}` stands for. */
  atMs: number;
}

export interface UploaderParts {
  buckets: Pick<Buckets, "find">;
  keys: Pick<AccessKeys, "find">;
  agent: GuardedAgent;
}

/** Why an upload failed, in words for the job's owner. */
export class UploadError extends Error {
  override name = "UploadError";
}

/** Puts files where tenants want them. Rejects with {@link UploadError}. */
export class Uploader {
  readonly #parts: UploaderParts;

  constructor(parts: UploaderParts) {
    this.#parts = parts;
  }

  async upload(accountId: string, destination: Destination, upload: Upload): Promise<void> {
    try {
      if (destination.kind === "r2") await this.#toR2(accountId, destination, upload);
      else if (destination.kind === "s3") await this.#toS3(destination, upload);
      else await this.#toHttps(destination, upload);
    } catch (error) {
      throw new UploadError(`error uploading to ${destination.kind}: ${reasonOf(error)}`);
    }
  }

  async #toR2(accountId: string, destination: BucketDestination, { name, body, isGzip, atMs }: Upload): Promise<void> {
    const key = this.#parts.keys.find(destination.accessKeyId);
    if (key?.accountId !== accountId || !isEqual(key.secret, destination.secretAccessKey))
      throw new Error("the access key is not one of the account's; `freehold token` makes one");
    if (!mayDo(key, "write-objects", destination.bucket))
      throw new Error(`the access key may not write to bucket ${destination.bucket}`);
    const bucket = this.#parts.buckets.find(accountId, destination.bucket);
    if (bucket === undefined) throw new Error(`there is no bucket ${destination.bucket}`);
    await bucket.put(objectKey(destination, name, atMs), body, { http: { contentType: contentType(isGzip) } });
  }

  async #toS3(destination: Destination & { kind: "s3" }, { name, body, isGzip, atMs }: Upload): Promise<void> {
    const { putToS3 } = await import("./put-to-s3.ts");
    const key = objectKey(destination, name, atMs);
    await putToS3(this.#parts.agent, destination, { key, body, contentType: contentType(isGzip) });
  }

  async #toHttps({ url, headers }: Destination & { kind: "https" }, { body, isGzip }: Upload): Promise<void> {
    const { status } = await send(this.#parts.agent, url, {
      method: "POST",
      headers: {
        "content-type": "text/plain; charset=utf-8",
        "user-agent": "freehold-logpush",
        ...lowerCased(headers),
        ...(isGzip && { "content-encoding": "gzip" }),
        "content-length": String(body.length),
      },
      body,
    });
    if (!isSuccess(status)) throw new Error(`the server answered ${status}`);
  }
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function contentType(isGzip: boolean): string {
  return isGzip ? "application/gzip" : "text/plain";
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError" || error.name === "AbortError")
    return `no answer within ${UPLOAD_MS / 1000} seconds`;
  return error.message.slice(0, 300);
}
