/** Operations on buckets as a whole. */
import type { BucketListOptions } from "../r2/registry.ts";
import { type Fields, xmlAnswer } from "./answer.ts";
import { textBody } from "./body.ts";
import { bucketName, bucketOf, type Operation } from "./call.ts";
import { S3Error } from "./errors.ts";
import { pageSize } from "./list-operations.ts";
import { storageClass } from "./metadata.ts";
import type { S3Request } from "./request.ts";
import { readXml } from "./xml.ts";

/** The one region that there is; others are taken for it. */
const REGION = "auto";

/** With a page's beginning and size, in the query or in headers as the original has them (`cf-prefix` and so on). */
export const listBuckets: Operation = {
  name: "ListBuckets",
  need: "list-buckets",
  run({ request, buckets, accountId }) {
    const prefix = listParameter(request, "prefix") ?? "";
    const after = listParameter(request, "continuation-token") || listParameter(request, "start-after");
    const limit = pageSize(request, request.param("max-buckets") === undefined ? "max-keys" : "max-buckets");
    const options: BucketListOptions = { prefix, limit: limit + 1, ...(after && { after }) };
    const found = buckets.list(accountId, options);
    const page = found.slice(0, limit);
    const next = found.length > limit ? page.at(-1)?.name : undefined;
    const fields: Fields = { "cf-is-truncated": String(next !== undefined), "cf-next-continuation-token": next };
    return xmlAnswer(
      "ListAllMyBucketsResult",
      {
        Buckets: {
          Bucket: page.map(({ name, created }) => ({
            Name: name,
            CreationDate: new Date(created),
            BucketRegion: REGION,
          })),
        },
        Owner: { ID: accountId, DisplayName: accountId },
        IsTruncated: next !== undefined,
        ContinuationToken: next,
        NextContinuationToken: next,
        Prefix: prefix === "" ? undefined : prefix,
      },
      fields,
    );
  },
};

export const createBucket: Operation = {
  name: "CreateBucket",
  need: "write-settings",
  async run({ request, caller, buckets, accountId }) {
    const text = await textBody(request, caller);
    if (text !== "" && readXml(text).name !== "CreateBucketConfiguration")
      throw new S3Error("MalformedXML", "A CreateBucketConfiguration was expected.");
    const chosen = storageClass(request);
    const { name } = await buckets.create(accountId, bucketName(request), chosen ? { storageClass: chosen } : {});
    return { status: 200, fields: { Location: `/${name}` } };
  },
};

export const headBucket: Operation = {
  name: "HeadBucket",
  need: "read-objects",
  run(call) {
    bucketOf(call);
    return { status: 200, fields: { "x-amz-bucket-region": REGION } };
  },
};

export const deleteBucket: Operation = {
  name: "DeleteBucket",
  need: "write-settings",
  async run({ request, buckets, accountId }) {
    await buckets.delete(accountId, bucketName(request));
    return { status: 204 };
  },
};

export const getBucketLocation: Operation = {
  name: "GetBucketLocation",
  need: "read-objects",
  run(call) {
    bucketOf(call);
    return xmlAnswer("LocationConstraint", REGION);
  },
};

/** What the original answers for every bucket. */
export const getBucketEncryption: Operation = {
  name: "GetBucketEncryption",
  need: "read-settings",
  run(call) {
    bucketOf(call);
    const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" }, BucketKeyEnabled: true };
    return xmlAnswer("ServerSideEncryptionConfiguration", { Rule: rule });
  },
};

function listParameter(request: S3Request, name: string): string | undefined {
  return request.header(`cf-${name}`) ?? request.param(name);
}
