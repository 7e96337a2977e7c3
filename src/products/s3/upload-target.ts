import { objectKey } from "./call.ts";
import { S3Error } from "./errors.ts";
import type { S3Request } from "./request.ts";

export interface UploadTarget {
  key: string;
  uploadId: string;
  /** 0 when the request names no part. */
  partNumber: number;
}

/** The upload, and perhaps the part, that a request is about. */
export function uploadTarget(request: S3Request): UploadTarget {
  const partNumber = request.wholeNumber("partNumber", 0);
  if (request.param("partNumber") !== undefined && partNumber < 1)
    throw new S3Error("InvalidArgument", "Part numbers are from 1 to 10000.");
  return { key: objectKey(request), uploadId: request.param("uploadId") ?? "", partNumber };
}
