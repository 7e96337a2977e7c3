import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { GuardedAgent } from "../../workerd/guarded-agent.ts";
import type { Destination } from "./destination.ts";
import { guardedHandler } from "./guarded-request.ts";

export interface S3Object {
  key: string;
  body: Buffer;
  contentType: string;
}

/** Puts an object into a bucket of any provider. Imported by who has one to put only: the client library keeps 9 MB. */
export async function putToS3(
  agent: GuardedAgent,
  { bucket, region, endpoint, encrypted, accessKeyId, secretAccessKey }: Destination & { kind: "s3" },
  { key, body, contentType }: S3Object,
): Promise<void> {
  const client = new S3Client({
    region,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
    // Not every provider has the host names and checksums that Amazon has.
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    requestChecksumCalculation: "WHEN_REQUIRED",
    followRegionRedirects: false,
    requestHandler: guardedHandler(agent),
  });
  await client.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: body,
      ContentType: contentType,
      ...(encrypted && { ServerSideEncryption: "AES256" }),
    }),
  );
}
