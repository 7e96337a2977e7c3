import {
  DeleteObjectCommand,
  GetObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { blobKey, blobName } from "./blobs.ts";
import type { Blobs } from "./platform.ts";

export interface S3Place {
  client: S3Client;
  bucket: string;
  /** What all names begin with, such as `blobs/`. */
  prefix: string;
}

/** The driver of the `blobs` port for many machines: objects of an S3 bucket, named by the SHA-256 of their content. */
export function s3Blobs({ client, bucket: Bucket, prefix }: S3Place): Blobs {
  const named = (key: string) => ({ Bucket, Key: prefix + blobName(key) });
  return {
    async put(bytes) {
      const key = blobKey(bytes);
      try {
        await client.send(new PutObjectCommand({ ...named(key), Body: bytes, IfNoneMatch: "*" }));
      } catch (error) {
        // It is there already, whole and on disk; or somebody else is storing it in this very moment.
        if (!isRefused(error, 412)) throw error;
      }
      return key;
    },

    async get(key) {
      try {
        const { Body } = await client.send(new GetObjectCommand(named(key)));
        return await Body?.transformToByteArray();
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },

    async delete(key) {
      await client.send(new DeleteObjectCommand(named(key)));
    },
  };
}

function isRefused(error: unknown, status: number): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === status;
}
