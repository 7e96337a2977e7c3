/** Which operation a request means. */
import * as buckets from "./bucket-operations.ts";
import type { Operation } from "./call.ts";
import * as copies from "./copy-operations.ts";
import { notImplemented, S3Error } from "./errors.ts";
import * as lists from "./list-operations.ts";
import * as multipart from "./multipart-operations.ts";
import * as objects from "./object-operations.ts";
import type { S3Request } from "./request.ts";
import * as settings from "./settings-operations.ts";

/** By what the path names, the method, and the query parameter that stands for a part of the resource, if there is one. */
const table: Record<string, Operation> = {
  "account GET": buckets.listBuckets,
  "bucket PUT": buckets.createBucket,
  "bucket HEAD": buckets.headBucket,
  "bucket DELETE": buckets.deleteBucket,
  "bucket GET": lists.listObjects,
  "bucket GET list-type": lists.listObjectsV2,
  "bucket GET location": buckets.getBucketLocation,
  "bucket GET encryption": buckets.getBucketEncryption,
  "bucket GET uploads": multipart.listMultipartUploads,
  "bucket POST delete": lists.deleteObjects,
  "bucket GET cors": settings.getBucketCors,
  "bucket PUT cors": settings.putBucketCors,
  "bucket DELETE cors": settings.deleteBucketCors,
  "bucket GET lifecycle": settings.getBucketLifecycle,
  "bucket PUT lifecycle": settings.putBucketLifecycle,
  "bucket DELETE lifecycle": settings.deleteBucketLifecycle,
  "object GET": objects.getObject,
  "object HEAD": objects.headObject,
  "object PUT": objects.putObject,
  "object DELETE": objects.deleteObject,
  "object PUT copy": copies.copyObject,
  "object POST uploads": multipart.createMultipartUpload,
  "object PUT uploadId": multipart.uploadPart,
  "object PUT uploadId copy": copies.uploadPartCopy,
  "object POST uploadId": multipart.completeMultipartUpload,
  "object DELETE uploadId": multipart.abortMultipartUpload,
  "object GET uploadId": multipart.listParts,
};

/** Every operation that there is. */
export const operations: readonly Operation[] = Object.values(table);

/** Query parameters that make a request mean something else; those that the table does not name are what S3 has beside it. */
const SUBRESOURCES = new Set([
  ...[
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
  ],
  ...[
    "legal-hold",
    "lifecycle",
    "list-type",
    "location",
    "logging",
    "metadataConfiguration",
    "metadataTable",
    "metrics",
  ],
  ...[
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
  ],
  ...["replication", "requestPayment", "restore", "retention", "select", "session", "tagging", "torrent", "uploadId"],
  ...["uploads", "versioning", "versions", "website"],
]);

/** Throws `NotImplemented` for what S3 has and the original has not. */
export function operationOf(request: S3Request): Operation {
  const level = request.key !== undefined ? "object" : request.bucket !== undefined ? "bucket" : "account";
  const subresources = request.query.filter(({ name }) => SUBRESOURCES.has(name)).map(({ name }) => name);
  const copy = request.method === "PUT" && request.header("x-amz-copy-source") !== undefined ? ["copy"] : [];
  const name = [level, request.method, ...subresources, ...copy].join(" ");
  const operation = Object.hasOwn(table, name) ? table[name] : undefined;
  if (operation !== undefined) return operation;
  if (subresources.length > 0) throw notImplemented(`${request.method} ?${subresources.join("&")}`);
  // A form of a web page, with its policy.
  if (level === "bucket" && request.method === "POST") throw notImplemented("POST of a form");
  throw new S3Error("MethodNotAllowed");
}
