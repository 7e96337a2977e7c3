/** Operations on single objects, but for copies and uploads in parts. */

import type { Bucket } from "../r2/bucket.ts";
import { holds } from "../r2/conditions.ts";
import { preconditionFailed } from "../r2/errors.ts";
import type { GetOptions, R2Object } from "../r2/model.ts";
import type { Answer, Fields } from "./answer.ts";
import { checkedBody } from "./body.ts";
import { bucketName, bucketOf, type Call, type Operation, objectKey, requirePermission } from "./call.ts";
import { conditionsOf, failedStatus } from "./conditional.ts";
import { customerKey, customerKeyHeaders } from "./customer-key.ts";
import { notImplemented, S3Error } from "./errors.ts";
import { customMetadata, httpMetadata, objectHeaders, responseOverrides, storageClass } from "./metadata.ts";
import { checksumFields, keptChecksum } from "./object-checksum.ts";
import type { S3Request } from "./request.ts";

export const getObject: Operation = {
  name: "GetObject",
  need: "read-objects",
  async run(call) {
    const { request } = call;
    const onlyIf = conditionsOf(request);
    const options: GetOptions = { ...(onlyIf && { onlyIf }), ...partAsked(request) };
    const key = customerKey(request);
    if (key) options.customerKey = key;
    const found = await bucketOf(call).get(objectKey(request), options);
    if (found === undefined) throw new S3Error("NoSuchKey");
    const { object } = found;
    if (!found.found) return unmet(request, object);
    const { body, range, partCount } = found;
    return {
      status: range ? 206 : 200,
      fields: {
        ...fieldsOf(request, object, range === undefined),
        "Content-Range": range && `bytes ${range.offset}-${range.offset + range.length - 1}/${object.size}`,
        "x-amz-mp-parts-count": partCount === undefined ? undefined : String(partCount),
      },
      body,
    };
  },
};

export const headObject: Operation = {
  name: "HeadObject",
  need: "read-objects",
  async run(call) {
    const { request } = call;
    // A range or a part has a head of its own, which only its bytes tell.
    if (request.header("range") !== undefined || request.param("partNumber") !== undefined) {
      const { body, ...answer } = await getObject.run(call);
      if (typeof body !== "object") return answer;
      body.cancel();
      return { ...answer, length: body.length };
    }
    const object = await bucketOf(call).head(objectKey(request));
    if (object === undefined) throw new S3Error("NoSuchKey");
    checkCustomerKey(request, object);
    const onlyIf = conditionsOf(request);
    if (onlyIf && !holds(onlyIf, object)) return unmet(request, object);
    return { status: 200, fields: fieldsOf(request, object, true), length: object.size };
  },
};

export const putObject: Operation = {
  name: "PutObject",
  need: "write-objects",
  async run(call) {
    const { request, caller } = call;
    const body = checkedBody(request, caller);
    const onlyIf = conditionsOf(request);
    const ssec = customerKey(request);
    const chosen = storageClass(request);
    const bucket = await bucketToWrite(call);
    const object = await bucket.put(objectKey(request), body.chunks, {
      http: httpMetadata(request),
      custom: customMetadata(request),
      size: body.size,
      expect: body.expect,
      arrived: () => keptChecksum(body.checksum()),
      ...(onlyIf && { onlyIf }),
      ...(ssec && { customerKey: ssec }),
      ...(chosen && { storageClass: chosen }),
    });
    if (object === undefined) throw preconditionFailed();
    return {
      status: 200,
      fields: { ETag: `"${object.etag}"`, ...checksumFields(object.s3), ...customerKeyHeaders(object.ssecKeyMd5) },
    };
  },
};

export const deleteObject: Operation = {
  name: "DeleteObject",
  need: "write-objects",
  async run(call) {
    for (const name of ["if-match", "x-amz-if-match-last-modified-time", "x-amz-if-match-size"])
      if (call.request.header(name) !== undefined) throw notImplemented("A conditional DeleteObject");
    await bucketOf(call).delete(objectKey(call.request));
    return { status: 204 };
  },
};

/** The bucket that is written to; made now if the request says so (`cf-create-bucket-if-missing`). */
export async function bucketToWrite(call: Call): Promise<Bucket> {
  const { request, buckets, accountId } = call;
  const name = bucketName(request);
  if (request.header("cf-create-bucket-if-missing") === "true" && !buckets.find(accountId, name)) {
    requirePermission(call, "write-settings", name);
    // Somebody else may make it in this moment.
    await buckets.create(accountId, name).catch((error) => {
      if (!buckets.find(accountId, name)) throw error;
    });
  }
  return bucketOf(call);
}

/** Which bytes are asked for. */
function partAsked(request: S3Request): Pick<GetOptions, "range" | "partNumber"> {
  const partNumber = request.param("partNumber");
  const range = request.header("range");
  if (partNumber === undefined) return range === undefined ? {} : { range };
  if (range !== undefined) throw new S3Error("InvalidRequest", "Give a Range or a partNumber, not both.");
  return { partNumber: request.wholeNumber("partNumber", 1) };
}

function checkCustomerKey(request: S3Request, object: R2Object): void {
  const headers = customerKeyHeaders(object.ssecKeyMd5);
  const given = customerKey(request);
  if ((given === undefined) !== (object.ssecKeyMd5 === undefined))
    throw new S3Error(
      "InvalidRequest",
      "The object is encrypted with a key of its owner, or the one you gave is not needed.",
    );
  for (const [name, value] of Object.entries(headers)) {
    if (request.header(name) !== value)
      throw new S3Error("AccessDenied", "The key you gave is not that of the object.");
  }
}

function fieldsOf(request: S3Request, object: R2Object, whole: boolean): Fields {
  return {
    ...objectHeaders(object, responseOverrides(request)),
    "Accept-Ranges": "bytes",
    ...customerKeyHeaders(object.ssecKeyMd5),
    ...(whole && request.header("x-amz-checksum-mode")?.toUpperCase() === "ENABLED" && checksumFields(object.s3)),
  };
}

function unmet(request: S3Request, object: R2Object): Answer {
  const status = failedStatus(conditionsOf(request) ?? {}, object);
  if (status === 412) throw preconditionFailed();
  const { ETag, "Last-Modified": modified, "Cache-Control": cacheControl, Expires } = objectHeaders(object);
  return { status, fields: { ETag, "Last-Modified": modified, "Cache-Control": cacheControl, Expires } };
}
