/** Every operation of the S3 API with the real client: AWS SDK for JavaScript, version 3. */
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketCorsCommand,
  DeleteBucketLifecycleCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { beforeAll, describe, expect, test } from "vitest";
import { spoil } from "../src/lib/testing-spoil.ts";
import { killProcess } from "./harness/platform.ts";
import { createAccessKey, refusal, s3Client } from "./harness/s3.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const MIB = 1024 * 1024;
const Bucket = "photos";
/** What every client encodes otherwise. */
const awkward = "a b/ü+~!'()*&=?#%25/日本.txt";

let s3: S3Client;

beforeAll(async () => {
  s3 = s3Client(platform(), await createAccessKey(platform()));
  await s3.send(new CreateBucketCommand({ Bucket }));
});

const put = (Key: string, Body: string | Uint8Array = Key, more = {}) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = (Key: string, more = {}) => s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
const textOf = async (Key: string, more = {}) => (await get(Key, more)).Body?.transformToString();

describe("buckets", () => {
  test("are made, listed, asked about and deleted", async () => {
    await s3.send(new CreateBucketCommand({ Bucket: "other" }));
    expect(await refusal(s3.send(new CreateBucketCommand({ Bucket: "other" })))).toEqual([
      "BucketAlreadyOwnedByYou",
      409,
    ]);
    expect(await refusal(s3.send(new CreateBucketCommand({ Bucket: "No_Name" })))).toEqual(["InvalidBucketName", 400]);
    const { Buckets, Owner } = await s3.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(["other", "photos"]);
    expect(Owner?.ID).toBe(platform().api.account);
    const { Buckets: some } = await s3.send(new ListBucketsCommand({ Prefix: "ph", MaxBuckets: 1 }));
    expect(some?.map(({ Name }) => Name)).toEqual(["photos"]);
    await s3.send(new HeadBucketCommand({ Bucket: "other" }));
    expect(await refusal(s3.send(new HeadBucketCommand({ Bucket: "none" })))).toEqual(["NotFound", 404]);
    expect((await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBe("auto");
    const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    expect(ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm).toBe(
      "AES256",
    );
    await put("full");
    expect(await refusal(s3.send(new DeleteBucketCommand({ Bucket })))).toEqual(["BucketNotEmpty", 409]);
    await s3.send(new DeleteBucketCommand({ Bucket: "other" }));
    expect(await refusal(s3.send(new DeleteBucketCommand({ Bucket: "other" })))).toEqual(["NoSuchBucket", 404]);
  });

  test("have CORS rules, which browsers are told of", async () => {
    expect(await refusal(s3.send(new GetBucketCorsCommand({ Bucket })))).toEqual(["NoSuchCORSConfiguration", 404]);
    const rule = {
      ID: "web",
      AllowedOrigins: ["https://app.example"],
      AllowedMethods: ["GET", "PUT"],
      AllowedHeaders: ["content-type", "x-amz-*"],
      ExposeHeaders: ["ETag"],
      MaxAgeSeconds: 600,
    };
    await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }));
    expect((await s3.send(new GetBucketCorsCommand({ Bucket }))).CORSRules).toEqual([rule]);
    await put("shared", "hello");
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "shared" }));
    const asked = await platform().fetch(url, {
      method: "OPTIONS",
      headers: {
        origin: "https://app.example",
        "access-control-request-method": "PUT",
        "access-control-request-headers": "Content-Type, x-amz-date",
      },
    });
    expect(asked.status).toBe(204);
    expect(asked.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-methods": "GET, PUT",
      "access-control-allow-headers": "Content-Type, x-amz-date",
      "access-control-max-age": "600",
    });
    const reply = await platform().fetch(url, { headers: { origin: "https://app.example" } });
    expect([reply.body, reply.headers["access-control-allow-origin"]]).toEqual(["hello", "https://app.example"]);
    expect(reply.headers["access-control-expose-headers"]).toBe("ETag");
    const foreign = await platform().fetch(url, { headers: { origin: "https://other.example" } });
    expect(foreign.headers["access-control-allow-origin"]).toBeUndefined();
    const tooLong = { ...rule, MaxAgeSeconds: 100_000 };
    const refused = s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [tooLong] } }));
    expect(await refusal(refused)).toEqual(["MalformedXML", 400]);
    await s3.send(new DeleteBucketCorsCommand({ Bucket }));
    expect(await refusal(s3.send(new GetBucketCorsCommand({ Bucket })))).toEqual(["NoSuchCORSConfiguration", 404]);
  });

  test("have lifecycle rules", async () => {
    const { Rules: first } = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect(first?.map(({ AbortIncompleteMultipartUpload: abort }) => abort?.DaysAfterInitiation)).toEqual([7]);
    const Rules = [
      { ID: "old", Status: "Enabled" as const, Filter: { Prefix: "logs/" }, Expiration: { Days: 30 } },
      {
        ID: "cool",
        Status: "Disabled" as const,
        Filter: { Prefix: "" },
        Transitions: [{ Days: 10, StorageClass: "STANDARD_IA" as const }],
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 },
      },
    ];
    const LifecycleConfiguration = { Rules };
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }));
    expect((await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules).toEqual(Rules);
    await s3.send(new DeleteBucketLifecycleCommand({ Bucket }));
    expect(await refusal(s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket })))).toEqual([
      "NoSuchLifecycleConfiguration",
      404,
    ]);
  });
});

describe("objects", () => {
  test("come back as they were put, with what they are served with", async () => {
    const more = {
      ContentType: "text/plain; charset=utf-8",
      ContentLanguage: "de",
      ContentDisposition: 'attachment; filename="x"',
      CacheControl: "max-age=60",
      Expires: new Date("2030-01-01T00:00:00Z"),
      Metadata: { color: "blue", spaced: "a  b" },
      StorageClass: "STANDARD_IA" as const,
    };
    const { ETag } = await put(awkward, "hello", more);
    expect(ETag).toBe(`"${createHash("md5").update("hello").digest("hex")}"`);
    const found = await get(awkward);
    expect(found).toMatchObject({
      ETag,
      ContentLength: 5,
      ContentType: more.ContentType,
      ContentLanguage: "de",
      ContentDisposition: more.ContentDisposition,
      CacheControl: "max-age=60",
      ExpiresString: more.Expires.toUTCString(),
      Metadata: { color: "blue", spaced: "a  b" },
      StorageClass: "STANDARD_IA",
    });
    expect(await found.Body?.transformToString()).toBe("hello");
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: awkward }));
    expect(head).toMatchObject({ ETag, ContentLength: 5, Metadata: more.Metadata });
    const overridden = await get(awkward, { ResponseContentType: "a/b", ResponseCacheControl: "no-store" });
    expect([overridden.ContentType, overridden.CacheControl]).toEqual(["a/b", "no-store"]);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: awkward }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: awkward }));
    expect(await refusal(get(awkward))).toEqual(["NoSuchKey", 404]);
    expect(await refusal(s3.send(new HeadObjectCommand({ Bucket, Key: awkward })))).toEqual(["NotFound", 404]);
    expect(await refusal(put("k", "v", { Bucket: "nowhere" }))).toEqual(["NoSuchBucket", 404]);
  });

  test("in ranges", async () => {
    await put("digits", "0123456789");
    const part = await get("digits", { Range: "bytes=2-4" });
    expect([part.ContentRange, part.ContentLength, await part.Body?.transformToString()]).toEqual([
      "bytes 2-4/10",
      3,
      "234",
    ]);
    expect(await textOf("digits", { Range: "bytes=-3" })).toBe("789");
    expect(await textOf("digits", { Range: "bytes=8-" })).toBe("89");
    expect(await refusal(get("digits", { Range: "bytes=10-" }))).toEqual(["InvalidRange", 416]);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "digits", Range: "bytes=0-3" }));
    expect([head.ContentRange, head.ContentLength]).toEqual(["bytes 0-3/10", 4]);
  });

  test("on conditions", async () => {
    const { ETag = "" } = await put("once", "1", { IfNoneMatch: "*" });
    expect(await refusal(put("once", "2", { IfNoneMatch: "*" }))).toEqual(["PreconditionFailed", 412]);
    expect(await refusal(put("once", "2", { IfMatch: '"x"' }))).toEqual(["PreconditionFailed", 412]);
    expect(await refusal(put("twice", "2", { IfMatch: '"x"' }))).toEqual(["PreconditionFailed", 412]);
    await put("once", "2", { IfMatch: ETag });
    expect(await textOf("once")).toBe("2");
    const now = await s3.send(new HeadObjectCommand({ Bucket, Key: "once" }));
    expect(await refusal(get("once", { IfNoneMatch: now.ETag }))).toEqual(["Unknown", 304]);
    expect(await refusal(get("once", { IfMatch: ETag }))).toEqual(["PreconditionFailed", 412]);
    expect(await refusal(get("once", { IfModifiedSince: now.LastModified }))).toEqual(["Unknown", 304]);
    expect(await textOf("once", { IfUnmodifiedSince: now.LastModified })).toBe("2");
    const before = new Date(Date.now() - 60_000);
    expect(await refusal(get("once", { IfUnmodifiedSince: before }))).toEqual(["PreconditionFailed", 412]);
    expect(await textOf("once", { IfModifiedSince: before })).toBe("2");
  });

  test("with every kind of checksum", async () => {
    for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const) {
      const made = await put("sum", `of ${ChecksumAlgorithm}`, { ChecksumAlgorithm });
      const name = `Checksum${ChecksumAlgorithm}` as const;
      // The client compares as it reads.
      const found = await get("sum", { ChecksumMode: "ENABLED" });
      expect([found[name], await found.Body?.transformToString()]).toEqual([made[name], `of ${ChecksumAlgorithm}`]);
      expect(made[name]).toMatch(/^[\w+/=]{6,}$/);
    }
    expect(
      await refusal(put("bad", "x", { ChecksumSHA256: createHash("sha256").update("y").digest("base64") })),
    ).toEqual(["BadDigest", 400]);
    expect(await refusal(put("bad", "x", { ContentMD5: createHash("md5").update("y").digest("base64") }))).toEqual([
      "BadDigest",
      400,
    ]);
    expect(await refusal(get("bad"))).toEqual(["NoSuchKey", 404]);
  });

  test("from a stream, with its checksum behind it", async () => {
    const bytes = randomBytes(300_000);
    const Body = Readable.from([bytes.subarray(0, 70_000), bytes.subarray(70_000)], { objectMode: false });
    await s3.send(new PutObjectCommand({ Bucket, Key: "stream", Body, ContentLength: bytes.length }));
    const found = await get("stream");
    expect(found.ContentEncoding).toBeUndefined();
    expect(Buffer.from((await found.Body?.transformToByteArray()) ?? []).equals(bytes)).toBe(true);
  });

  test("with a key of the customer's own", async () => {
    const key = randomBytes(32);
    const SSECustomerKeyMD5 = createHash("md5").update(key).digest("base64");
    const ssec = { SSECustomerAlgorithm: "AES256", SSECustomerKey: key.toString("base64"), SSECustomerKeyMD5 };
    expect((await put("secret", "hidden", ssec)).SSECustomerKeyMD5).toBe(SSECustomerKeyMD5);
    expect(await textOf("secret", ssec)).toBe("hidden");
    expect((await refusal(get("secret")))[1]).toBe(403);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "secret", ...ssec }));
    expect([head.ContentLength, head.SSECustomerKeyMD5]).toEqual([6, SSECustomerKeyMD5]);
    await s3.send(
      new CopyObjectCommand({
        Bucket,
        Key: "open",
        CopySource: `${Bucket}/secret`,
        CopySourceSSECustomerAlgorithm: "AES256",
        CopySourceSSECustomerKey: ssec.SSECustomerKey,
        CopySourceSSECustomerKeyMD5: SSECustomerKeyMD5,
      }),
    );
    expect(await textOf("open")).toBe("hidden");
  });

  test("copied, with their metadata or other", async () => {
    const { ETag } = await put(`from/${awkward}`, "copied", { ContentType: "a/b", Metadata: { a: "1", b: "2" } });
    const CopySource = `${Bucket}/${encodeURIComponent(`from/${awkward}`)}`;
    const copy = (Key: string, more = {}) => s3.send(new CopyObjectCommand({ Bucket, Key, CopySource, ...more }));
    expect((await copy("copy 1")).CopyObjectResult?.ETag).toBe(ETag);
    expect(await get("copy 1")).toMatchObject({ ContentType: "a/b", Metadata: { a: "1", b: "2" } });
    await copy("copy 2", { MetadataDirective: "REPLACE", ContentType: "c/d", Metadata: { b: "3" } });
    expect(await get("copy 2")).toMatchObject({ ContentType: "c/d", Metadata: { b: "3" } });
    await copy("copy 3", { MetadataDirective: "MERGE", Metadata: { b: "3" } });
    expect(await get("copy 3")).toMatchObject({ ContentType: "a/b", Metadata: { a: "1", b: "3" } });
    expect(await textOf("copy 3")).toBe("copied");
    expect(await refusal(copy("copy 4", { CopySourceIfMatch: '"x"' }))).toEqual(["PreconditionFailed", 412]);
    expect(await refusal(copy("copy 4", { CopySource: `${Bucket}/none` }))).toEqual(["NoSuchKey", 404]);
  });

  test("listed in pages, with prefixes, and deleted together", async () => {
    const Prefix = "list/";
    const keys = ["a", "b/1", "b/2", "c d+ü", "d/1", "e"].map((name) => Prefix + name);
    await Promise.all(keys.map((key) => put(key)));
    const all = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
    expect([all.KeyCount, all.IsTruncated, all.Contents?.map(({ Key }) => Key)]).toEqual([6, false, keys]);
    expect(all.Contents?.[0]).toMatchObject({ Size: 6, StorageClass: "STANDARD", ETag: expect.stringMatching(/^"/) });
    const seen: string[] = [];
    for (let token: string | undefined, more = true; more; more = token !== undefined) {
      const page = await s3.send(
        new ListObjectsV2Command({ Bucket, Prefix, Delimiter: "/", MaxKeys: 2, ContinuationToken: token }),
      );
      seen.push(
        ...(page.Contents ?? []).map(({ Key = "" }) => Key),
        ...(page.CommonPrefixes ?? []).map((one) => one.Prefix ?? ""),
      );
      token = page.NextContinuationToken;
    }
    expect(seen.sort()).toEqual(["list/a", "list/b/", "list/c d+ü", "list/d/", "list/e"]);
    const old: string[] = [];
    for (let Marker: string | undefined, more = true; more; more = Marker !== undefined) {
      const page = await s3.send(
        new ListObjectsCommand({ Bucket, Prefix, Delimiter: "/", MaxKeys: 2, Marker, EncodingType: "url" }),
      );
      old.push(
        ...(page.Contents ?? []).map(({ Key = "" }) => Key),
        ...(page.CommonPrefixes ?? []).map((one) => one.Prefix ?? ""),
      );
      Marker = page.NextMarker && decodeURIComponent(page.NextMarker);
    }
    expect(old.map(decodeURIComponent).sort()).toEqual(seen);
    const after = await s3.send(new ListObjectsV2Command({ Bucket, Prefix, StartAfter: "list/c d+ü" }));
    expect(after.Contents?.map(({ Key }) => Key)).toEqual(["list/d/1", "list/e"]);
    const Objects = [...keys, "list/none", "x".repeat(2000)].map((Key) => ({ Key }));
    const { Deleted, Errors } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Deleted?.length).toBe(7);
    expect(Errors?.map(({ Code }) => Code)).toEqual(["InvalidObjectName"]);
    expect((await s3.send(new ListObjectsV2Command({ Bucket, Prefix }))).KeyCount).toBe(0);
  });
});

describe("objects in parts", () => {
  const part = randomBytes(5 * MIB);
  const rest = randomBytes(1000);

  test("are put together, listed and read by part", async () => {
    const Key = "large";
    const { UploadId } = await s3.send(
      new CreateMultipartUploadCommand({ Bucket, Key, ContentType: "a/b", ChecksumAlgorithm: "CRC64NVME" }),
    );
    const upload = (PartNumber: number, Body: Uint8Array) =>
      s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ChecksumAlgorithm: "CRC64NVME" }));
    const [one, two] = [await upload(1, part), await upload(2, rest)];
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
    expect(Uploads?.map((each) => [each.Key, each.UploadId])).toEqual([[Key, UploadId]]);
    const { Parts } = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }));
    expect(Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, part.length],
      [2, rest.length],
    ]);
    const complete = (Parts: { PartNumber: number; ETag?: string | undefined }[], more = {}) =>
      s3.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key,
          UploadId,
          MultipartUpload: { Parts: Parts as never },
          ...more,
        }),
      );
    const parts = [
      { PartNumber: 1, ETag: one.ETag },
      { PartNumber: 2, ETag: two.ETag },
    ];
    expect(await refusal(complete(parts.toReversed()))).toEqual(["InvalidPartOrder", 400]);
    expect(await refusal(complete([{ PartNumber: 3, ETag: one.ETag }]))).toEqual(["InvalidPart", 400]);
    expect(await refusal(get(Key))).toEqual(["NoSuchKey", 404]);
    const made = await complete(parts, { IfNoneMatch: "*" });
    const md5s = [part, rest].map((bytes) => createHash("md5").update(bytes).digest());
    expect(made.ETag).toBe(`"${createHash("md5").update(Buffer.concat(md5s)).digest("hex")}-2"`);
    expect(made.ChecksumType).toBe("FULL_OBJECT");
    // The client compares the checksum, which is that of the whole, as it reads.
    const found = await get(Key, { ChecksumMode: "ENABLED" });
    expect([found.ContentType, found.ChecksumCRC64NVME]).toEqual(["a/b", made.ChecksumCRC64NVME]);
    expect(Buffer.from((await found.Body?.transformToByteArray()) ?? []).equals(Buffer.concat([part, rest]))).toBe(
      true,
    );
    const second = await get(Key, { PartNumber: 2 });
    expect([second.PartsCount, second.ContentLength]).toEqual([2, rest.length]);
    expect(await refusal(complete(parts))).toEqual(["NoSuchUpload", 404]);
  });

  test("are copied in parts, and aborted", async () => {
    const Key = "copied in parts";
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const copy = (PartNumber: number, CopySourceRange: string) =>
      s3.send(
        new UploadPartCopyCommand({
          Bucket,
          Key,
          UploadId,
          PartNumber,
          CopySource: `${Bucket}/large`,
          CopySourceRange,
        }),
      );
    const one = await copy(1, `bytes=0-${5 * MIB - 1}`);
    const two = await copy(2, `bytes=${5 * MIB}-${5 * MIB + 99}`);
    expect((await refusal(copy(3, `bytes=0-${6 * MIB}`)))[1]).toBe(416);
    const Parts = [one, two].map(({ CopyPartResult }, index) => ({
      PartNumber: index + 1,
      ETag: CopyPartResult?.ETag,
    }));
    await s3.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: Parts as never } }),
    );
    const found = Buffer.from((await (await get(Key)).Body?.transformToByteArray()) ?? []);
    expect(found.equals(Buffer.concat([part, rest.subarray(0, 100)]))).toBe(true);

    const aborted = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: "never" }));
    const named = { Bucket, Key: "never", UploadId: aborted.UploadId };
    await s3.send(new AbortMultipartUploadCommand(named));
    expect(await refusal(s3.send(new ListPartsCommand(named)))).toEqual(["NoSuchUpload", 404]);
  });

  test("from the client's own helper", async () => {
    const Body = randomBytes(12 * MIB + 5);
    await new Upload({ client: s3, params: { Bucket, Key: "helped", Body }, partSize: 5 * MIB }).done();
    const found = await get("helped", { ChecksumMode: "ENABLED" });
    expect(found.ETag).toMatch(/-3"$/);
    expect(Buffer.from((await found.Body?.transformToByteArray()) ?? []).equals(Body)).toBe(true);
  });
});

describe("signed by others", () => {
  test("URLs are good for whoever has them, as long as they say", async () => {
    const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: awkward }), { expiresIn: 60 });
    const body = "from a browser";
    expect((await platform().fetch(url, { method: "PUT", body, headers: { "content-length": "14" } })).status).toBe(
      200,
    );
    const read = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: awkward }));
    expect((await platform().fetch(read)).body).toBe(body);
    const spoilt = await platform().fetch(read.replace(/(?<=Signature=)\w+/, (signature) => spoil(signature)));
    expect([spoilt.status, spoilt.body]).toEqual([403, expect.stringContaining("<Code>SignatureDoesNotMatch</Code>")]);
    const outdated = new Date(Date.now() - 120_000);
    const old = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: awkward }), {
      expiresIn: 60,
      signingDate: outdated,
    } as never);
    expect((await platform().fetch(old)).body).toContain("<Code>ExpiredRequest</Code>");
  });

  test("the bucket in the path, in the host, and below the account", async () => {
    const key = await createAccessKey(platform());
    await put("styles", "ok");
    const { port, api } = platform();
    for (const options of [
      { forcePathStyle: true },
      { forcePathStyle: true, region: "us-east-1" },
      { endpoint: `http://${api.account}.r2.localhost:${port}` },
      { endpoint: `http://${api.account}.r2.localhost:${port}`, forcePathStyle: true },
    ]) {
      const client = s3Client(platform(), key, options);
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: "styles" }));
      expect(await Body?.transformToString()).toBe("ok");
    }
    const foreign = s3Client(platform(), key, { endpoint: `http://${"b".repeat(32)}.r2.localhost:${port}` });
    expect(await refusal(foreign.send(new ListBucketsCommand({})))).toEqual(["AccessDenied", 403]);
  });

  test("an access key does what it is for, until it is revoked", async () => {
    const reader = await createAccessKey(platform(), { permission: "object-read-only", buckets: [Bucket] });
    const client = s3Client(platform(), reader);
    await put("for all", "read me");
    expect((await client.send(new GetObjectCommand({ Bucket, Key: "for all" }))).ContentLength).toBe(7);
    expect((await client.send(new ListObjectsV2Command({ Bucket, Prefix: "for" }))).KeyCount).toBe(1);
    const denied = ["AccessDenied", 403];
    expect(await refusal(client.send(new PutObjectCommand({ Bucket, Key: "x", Body: "v" })))).toEqual(denied);
    expect(await refusal(client.send(new DeleteObjectCommand({ Bucket, Key: "for all" })))).toEqual(denied);
    expect(await refusal(client.send(new ListBucketsCommand({})))).toEqual(denied);
    expect(await refusal(client.send(new ListObjectsV2Command({ Bucket: "another" })))).toEqual(denied);
    await platform().api.send("DELETE", `/r2/access_keys/${reader.id}`);
    expect(await refusal(client.send(new GetObjectCommand({ Bucket, Key: "for all" })))).toEqual(["Unauthorized", 401]);
  });

  test("nobody, and what is not there", async () => {
    const { port } = platform();
    // By HTTPS, with the platform's own certificate.
    for (const host of ["http://s3", `https://s3`, `https://${Bucket}.s3`]) {
      const reply = await platform().fetch(`${host}.localhost:${port}/x/y`);
      expect([reply.status, reply.headers["content-type"]]).toEqual([401, "application/xml"]);
      expect(reply.body).toContain("<Code>Unauthorized</Code>");
    }
    expect(await refusal(s3.send(new GetBucketAclCommand({ Bucket })))).toEqual(["NotImplemented", 501]);
    expect(await refusal(put("k", "v", { ACL: "public-read" }))).toEqual(["NotImplemented", 501]);
    expect(await refusal(put("k", "v", { Tagging: "a=b" }))).toEqual(["NotImplemented", 501]);
  });
});

test("control may be dead: objects, buckets and settings go on", async () => {
  const [control] = platform().role("control");
  if (!control) throw new Error("there is no control process");
  killProcess(control, "SIGSTOP");
  try {
    await put("while away", "still here");
    expect(await textOf("while away")).toBe("still here");
    await s3.send(new CreateBucketCommand({ Bucket: "made-meanwhile" }));
    await s3.send(new DeleteBucketCommand({ Bucket: "made-meanwhile" }));
  } finally {
    killProcess(control, "SIGCONT");
  }
});
