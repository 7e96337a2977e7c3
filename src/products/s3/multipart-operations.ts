/** Objects that come in parts. */

import { preconditionFailed } from "../r2/errors.ts";
import { MAX_PARTS } from "../r2/limits.ts";
import type { Part, Upload } from "../r2/model.ts";
import { xmlAnswer } from "./answer.ts";
import { checkedBody, textBody } from "./body.ts";
import { bucketName, bucketOf, type Operation, objectKey } from "./call.ts";
import { type ChecksumAlgorithm, checksumAlgorithm, checksumAlgorithms, checksumHeader } from "./checksums.ts";
import { conditionsOf } from "./conditional.ts";
import { customerKey, customerKeyHeaders } from "./customer-key.ts";
import { notImplemented, S3Error } from "./errors.ts";
import { encodingType, pageSize } from "./list-operations.ts";
import { customMetadata, httpMetadata, storageClass, storageClassName } from "./metadata.ts";
import {
  algorithmOf,
  checksumElements,
  checksumFields,
  checksumOf,
  checksumOfParts,
  keptAlgorithm,
  keptChecksum,
  typeInParts,
} from "./object-checksum.ts";
import { bucketToWrite } from "./object-operations.ts";
import type { S3Request } from "./request.ts";
import { uploadTarget } from "./upload-target.ts";
import { encodePath } from "./uri.ts";
import { childrenOf, readXml, textOf, type XmlElement } from "./xml.ts";

export const createMultipartUpload: Operation = {
  name: "CreateMultipartUpload",
  need: "write-objects",
  async run(call) {
    const { request } = call;
    const algorithm = uploadAlgorithm(request);
    const ssec = customerKey(request);
    const chosen = storageClass(request);
    const bucket = await bucketToWrite(call);
    const upload = await bucket.uploads.create(objectKey(request), {
      http: httpMetadata(request),
      custom: customMetadata(request),
      ...(algorithm && { s3: keptAlgorithm(algorithm) }),
      ...(ssec && { customerKey: ssec }),
      ...(chosen && { storageClass: chosen }),
    });
    return xmlAnswer(
      "InitiateMultipartUploadResult",
      { Bucket: bucketName(request), Key: upload.key, UploadId: upload.id },
      {
        ...customerKeyHeaders(upload.ssecKeyMd5),
        "x-amz-checksum-algorithm": algorithm,
        "x-amz-checksum-type": algorithm && typeInParts(algorithm),
      },
    );
  },
};

export const uploadPart: Operation = {
  name: "UploadPart",
  need: "write-objects",
  async run(call) {
    const { request, caller } = call;
    const { key, uploadId, partNumber } = uploadTarget(request);
    const body = checkedBody(request, caller);
    const ssec = customerKey(request);
    const part = await bucketOf(call).uploads.putPart(key, uploadId, partNumber, body.chunks, {
      size: body.size,
      expect: body.expect,
      arrived: () => keptChecksum(body.checksum()),
      ...(ssec && { customerKey: ssec }),
    });
    const { "x-amz-checksum-type": _, ...checksum } = checksumFields(part.s3);
    return { status: 200, fields: { ETag: `"${part.etag}"`, ...checksum } };
  },
};

export const completeMultipartUpload: Operation = {
  name: "CompleteMultipartUpload",
  need: "write-objects",
  async run(call) {
    const { request, caller } = call;
    const { key, uploadId } = uploadTarget(request);
    const named = partsNamed(readXml(await textBody(request, caller)));
    const onlyIf = conditionsOf(request);
    const object = await bucketOf(call).uploads.complete(key, uploadId, named, {
      ...(onlyIf && { onlyIf }),
      arrived: (upload, parts) => checkParts(request, named, upload, parts),
    });
    if (object === undefined) throw preconditionFailed();
    const { "x-amz-checksum-type": ChecksumType } = checksumFields(object.s3);
    return xmlAnswer("CompleteMultipartUploadResult", {
      Location: `${request.origin}${encodePath(request.pathOfKey(key))}`,
      Bucket: bucketName(request),
      Key: key,
      ETag: `"${object.etag}"`,
      ...checksumElements(object.s3),
      ChecksumType,
    });
  },
};

export const abortMultipartUpload: Operation = {
  name: "AbortMultipartUpload",
  need: "write-objects",
  async run(call) {
    const { key, uploadId } = uploadTarget(call.request);
    await bucketOf(call).uploads.abort(key, uploadId);
    return { status: 204 };
  },
};

export const listParts: Operation = {
  name: "ListParts",
  need: "read-objects",
  async run(call) {
    const { request } = call;
    const { key, uploadId } = uploadTarget(request);
    const after = request.wholeNumber("part-number-marker", 0);
    const limit = pageSize(request, "max-parts");
    const { upload, parts, truncated } = await bucketOf(call).uploads.listParts(key, uploadId, { after, limit });
    const algorithm = algorithmOf(upload);
    const url = encodingType(request);
    return xmlAnswer("ListPartsResult", {
      Bucket: bucketName(request),
      Key: url.encode(key),
      UploadId: uploadId,
      PartNumberMarker: after,
      NextPartNumberMarker: parts.at(-1)?.number ?? 0,
      MaxParts: limit,
      IsTruncated: truncated,
      StorageClass: storageClassName(upload.storageClass),
      ChecksumAlgorithm: algorithm,
      ChecksumType: algorithm && typeInParts(algorithm),
      Part: parts.map((part) => ({
        PartNumber: part.number,
        LastModified: new Date(part.uploaded),
        ETag: `"${part.etag}"`,
        Size: part.size,
        ...checksumElements(part.s3),
      })),
      EncodingType: url.name,
    });
  },
};

export const listMultipartUploads: Operation = {
  name: "ListMultipartUploads",
  need: "read-objects",
  async run(call) {
    const { request } = call;
    const url = encodingType(request);
    const prefix = request.param("prefix") ?? "";
    const delimiter = request.param("delimiter") ?? "";
    const keyMarker = request.param("key-marker") ?? "";
    const idMarker = request.param("upload-id-marker");
    const limit = pageSize(request, "max-uploads");
    const { uploads, prefixes, next } = await bucketOf(call).uploads.list({
      prefix,
      delimiter,
      limit,
      ...(keyMarker !== "" && { after: { key: keyMarker, ...(idMarker && { uploadId: idMarker }) } }),
    });
    return xmlAnswer("ListMultipartUploadsResult", {
      Bucket: bucketName(request),
      KeyMarker: url.encode(keyMarker),
      UploadIdMarker: idMarker ?? "",
      NextKeyMarker: next && url.encode(next.key),
      NextUploadIdMarker: next?.uploadId,
      Prefix: url.encode(prefix),
      Delimiter: delimiter === "" ? undefined : url.encode(delimiter),
      EncodingType: url.name,
      MaxUploads: limit,
      IsTruncated: next !== undefined,
      Upload: uploads.map((upload) => ({
        Key: url.encode(upload.key),
        UploadId: upload.id,
        StorageClass: storageClassName(upload.storageClass),
        Initiated: new Date(upload.created),
        ChecksumAlgorithm: algorithmOf(upload),
      })),
      CommonPrefixes: prefixes.map((one) => ({ Prefix: url.encode(one) })),
    });
  },
};

function uploadAlgorithm(request: S3Request): ChecksumAlgorithm | undefined {
  const name = request.header("x-amz-checksum-algorithm");
  const type = request.header("x-amz-checksum-type");
  if (name === undefined) return undefined;
  const algorithm = checksumAlgorithm(name);
  if (algorithm === undefined)
    throw new S3Error("InvalidRequest", `x-amz-checksum-algorithm must be one of ${checksumAlgorithms.join(", ")}.`);
  if (type !== undefined && type.toUpperCase() !== typeInParts(algorithm))
    throw notImplemented(`A checksum ${algorithm} of type ${type.slice(0, 40)}`);
  return algorithm;
}

interface NamedPart {
  number: number;
  etag: string;
  checksums: { algorithm: ChecksumAlgorithm; value: string }[];
}

function partsNamed(root: XmlElement): NamedPart[] {
  const parts = childrenOf(root, "Part").map((part) => {
    const number = Number(textOf(part, "PartNumber"));
    if (!Number.isInteger(number) || number < 1 || number > MAX_PARTS)
      throw new S3Error("MalformedXML", `A PartNumber must be from 1 to ${MAX_PARTS}.`);
    const etag = (textOf(part, "ETag") ?? "").replace(/^"(.*)"$/, "$1").toLowerCase();
    const checksums = checksumAlgorithms.flatMap((algorithm) => {
      const value = textOf(part, `Checksum${algorithm}`);
      return value ? [{ algorithm, value }] : [];
    });
    return { number, etag, checksums };
  });
  if (root.name !== "CompleteMultipartUpload" || parts.length === 0)
    throw new S3Error("MalformedXML", "A CompleteMultipartUpload with at least one Part was expected.");
  if (parts.some((part, index) => index > 0 && part.number <= (parts[index - 1] as NamedPart).number))
    throw new S3Error("InvalidPartOrder");
  return parts;
}

/** Holds the parts against what the request says of them; returns what is kept with the object. */
function checkParts(request: S3Request, named: NamedPart[], upload: Upload, parts: Part[]): { s3: string } | undefined {
  for (const [index, { checksums }] of named.entries()) {
    const kept = checksumOf(parts[index]?.s3);
    for (const { algorithm, value } of checksums)
      if (kept?.algorithm !== algorithm || kept.value !== value)
        throw new S3Error("InvalidPart", `The ${algorithm} of part ${parts[index]?.number} is another one.`);
  }
  const algorithm = algorithmOf(upload);
  const checksum = algorithm && checksumOfParts(algorithm, parts);
  for (const one of checksumAlgorithms) {
    const wanted = request.header(checksumHeader(one));
    if (wanted !== undefined && (one !== checksum?.algorithm || wanted !== checksum.value))
      throw new S3Error("BadDigest", `The object's ${one} is ${one === algorithm ? checksum?.value : "not known"}.`);
  }
  return checksum ? { s3: JSON.stringify(checksum) } : undefined;
}
