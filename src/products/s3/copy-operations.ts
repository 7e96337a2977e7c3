/** Copies of objects, and of parts of them. */
import type { Bucket } from "../r2/bucket.ts";
import { holds } from "../r2/conditions.ts";
import { invalidRange, preconditionFailed } from "../r2/errors.ts";
import type { CopyOptions, CopySource, R2Object } from "../r2/model.ts";
import { xmlAnswer } from "./answer.ts";
import { bucketOf, type Call, type Operation, objectKey, requirePermission } from "./call.ts";
import { conditionsOf } from "./conditional.ts";
import { COPY_SOURCE_PREFIX, customerKey, customerKeyHeaders } from "./customer-key.ts";
import { S3Error } from "./errors.ts";
import { customMetadata, httpMetadata, storageClass } from "./metadata.ts";
import { checksumElements } from "./object-checksum.ts";
import { uploadTarget } from "./upload-target.ts";
import { decodePath } from "./uri.ts";

export const copyObject: Operation = {
  name: "CopyObject",
  need: "write-objects",
  async run(call) {
    const { request } = call;
    const { bucket, source, object } = await sourceOf(call);
    const onlyIf = conditionsOf(request, "cf-copy-destination-") ?? conditionsOf(request);
    const key = customerKey(request);
    const options: CopyOptions = {
      ...attributesOf(call, object),
      ...(onlyIf && { onlyIf }),
      ...(key && { customerKey: key }),
    };
    const copy = await bucketOf(call).copy(objectKey(request), bucket, source, options);
    if (copy === undefined) throw preconditionFailed();
    const result = { ETag: `"${copy.etag}"`, LastModified: new Date(copy.uploaded), ...checksumElements(copy.s3) };
    return xmlAnswer("CopyObjectResult", result, customerKeyHeaders(copy.ssecKeyMd5));
  },
};

export const uploadPartCopy: Operation = {
  name: "UploadPartCopy",
  need: "write-objects",
  async run(call) {
    const { request } = call;
    const { key, uploadId, partNumber } = uploadTarget(request);
    const { bucket, source, object } = await sourceOf(call);
    const asked = request.header("x-amz-copy-source-range");
    if (asked !== undefined) source.range = partRange(asked, object.size);
    const ssec = customerKey(request);
    const options = ssec ? { customerKey: ssec } : {};
    const part = await bucketOf(call).uploads.copyPart(key, uploadId, partNumber, bucket, source, options);
    const result = { ETag: `"${part.etag}"`, LastModified: new Date(part.uploaded) };
    return xmlAnswer("CopyPartResult", result);
  },
};

interface Source {
  bucket: Bucket;
  source: CopySource;
  object: R2Object;
}

/** The object that is to be copied, as it is now; what is copied is that very one. */
async function sourceOf(call: Call): Promise<Source> {
  const { request, buckets, accountId } = call;
  const [, rawBucket = "", rawKey = "", version] =
    /^\/?([^/?]+)\/([^?]+)(?:\?versionId=(.*))?$/.exec(request.header("x-amz-copy-source") ?? "") ?? [];
  if (rawKey === "") throw new S3Error("InvalidArgument", "x-amz-copy-source must be <bucket>/<key>, percent-encoded.");
  if (version !== undefined) throw new S3Error("NotImplemented", "Versioning is not implemented.");
  const name = decodePath(rawBucket);
  const key = decodePath(rawKey);
  requirePermission(call, "read-objects", name);
  const bucket = buckets.require(accountId, name);
  const object = await bucket.head(key);
  if (object === undefined) throw new S3Error("NoSuchKey");
  const conditions = conditionsOf(request, "x-amz-copy-source-");
  if (conditions && !holds(conditions, object)) throw preconditionFailed();
  const source: CopySource = { key, onlyIf: { etagMatches: [{ value: object.etag }] } };
  const ssec = customerKey(request, COPY_SOURCE_PREFIX);
  if (ssec) source.customerKey = ssec;
  return { bucket, source, object };
}

/** Metadata of the copy: the source's, the request's, or both (`MERGE` is the original's own). */
function attributesOf({ request }: Call, source: R2Object): CopyOptions {
  const directive = request.header("x-amz-metadata-directive") ?? "COPY";
  const chosen = storageClass(request);
  const kept = { ...(chosen && { storageClass: chosen }), ...(source.s3 !== undefined && { s3: source.s3 }) };
  switch (directive) {
    case "COPY":
      return { metadata: "keep", ...kept };
    case "REPLACE":
      return { metadata: "replace", http: httpMetadata(request), custom: customMetadata(request), ...kept };
    case "MERGE":
      return {
        metadata: "replace",
        http: { ...source.http, ...httpMetadata(request) },
        custom: { ...source.custom, ...customMetadata(request) },
        ...kept,
      };
    default:
      throw new S3Error("InvalidArgument", "x-amz-metadata-directive must be COPY, REPLACE or MERGE.");
  }
}

function partRange(text: string, size: number): { offset: number; length: number } {
  const [, first, last] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(text) ?? [];
  if (first === undefined || last === undefined)
    throw new S3Error("InvalidArgument", "x-amz-copy-source-range must be bytes=<first>-<last>.");
  if (Number(last) < Number(first) || Number(last) >= size) throw invalidRange();
  return { offset: Number(first), length: Number(last) - Number(first) + 1 };
}
