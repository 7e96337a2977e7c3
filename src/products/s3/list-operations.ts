/** Lists of objects, and what is done to many at once. */
import { invalidMaxKeys, invalidObjectName, R2Error } from "../r2/errors.ts";
import { MAX_DELETE_KEYS, MAX_KEY_BYTES, MAX_LIST_KEYS } from "../r2/limits.ts";
import type { ListOptions, ListPage, R2Object } from "../r2/model.ts";
import { xmlAnswer } from "./answer.ts";
import { textBody } from "./body.ts";
import { bucketName, bucketOf, type Call, type Operation } from "./call.ts";
import { notImplemented, S3Error, toldError } from "./errors.ts";
import { storageClassName } from "./metadata.ts";
import { checksumOf } from "./object-checksum.ts";
import type { S3Request } from "./request.ts";
import { encodePath } from "./uri.ts";
import { childrenOf, readXml, textOf } from "./xml.ts";

export const listObjectsV2: Operation = {
  name: "ListObjectsV2",
  need: "read-objects",
  async run(call) {
    const { request } = call;
    const { page, fields, limit } = await listed(call, {
      ...given("cursor", request.param("continuation-token")),
      ...given("startAfter", request.param("start-after")),
    });
    const url = encodingType(request);
    const owner = request.param("fetch-owner") === "true" ? { ID: call.accountId } : undefined;
    return xmlAnswer("ListBucketResult", {
      ...fields,
      MaxKeys: limit,
      KeyCount: page.objects.length + page.prefixes.length,
      IsTruncated: page.cursor !== undefined,
      ContinuationToken: request.param("continuation-token"),
      NextContinuationToken: page.cursor,
      StartAfter: maybe(request.param("start-after"), url.encode),
      ...contents(page, url.encode, owner),
      EncodingType: url.name,
    });
  },
};

export const listObjects: Operation = {
  name: "ListObjects",
  need: "read-objects",
  async run(call) {
    const { request } = call;
    const { page, fields, limit } = await listed(call, given("startAfter", request.param("marker")));
    const url = encodingType(request);
    const next = page.cursor === undefined ? undefined : lastOf(page);
    return xmlAnswer("ListBucketResult", {
      ...fields,
      Marker: url.encode(request.param("marker") ?? ""),
      MaxKeys: limit,
      IsTruncated: page.cursor !== undefined,
      NextMarker: maybe(next, url.encode),
      ...contents(page, url.encode, { ID: call.accountId }),
      EncodingType: url.name,
    });
  },
};

export const deleteObjects: Operation = {
  name: "DeleteObjects",
  need: "write-objects",
  async run(call) {
    const root = readXml(await textBody(call.request, call.caller));
    const keys = childrenOf(root, "Object").map((object) => {
      if (object.children.some(({ name }) => name !== "Key"))
        throw notImplemented("Deleting a version, or on a condition,");
      // White space is part of a key.
      return childrenOf(object, "Key")[0]?.text ?? "";
    });
    if (root.name !== "Delete" || keys.length === 0 || keys.length > MAX_DELETE_KEYS)
      throw new S3Error("MalformedXML", `A Delete with 1 to ${MAX_DELETE_KEYS} Objects was expected.`);
    const sound = keys.filter((key) => isKey(key));
    const results = [
      ...(await bucketOf(call).deleteMany(sound)),
      ...keys.filter((key) => !isKey(key)).map((key) => ({ key, error: invalidObjectName() })),
    ];
    const quiet = textOf(root, "Quiet") === "true";
    return xmlAnswer("DeleteResult", {
      Deleted: quiet ? [] : results.filter(({ error }) => error === undefined).map(({ key }) => ({ Key: key })),
      Error: results.flatMap(({ key, error }) => {
        if (!(error instanceof R2Error)) return [];
        const { code, message } = toldError(error);
        return [{ Key: key, Code: code, Message: message }];
      }),
    });
  },
};

/** How keys stand in a document: `encoding-type=url` asks for them percent-encoded. */
export function encodingType(request: S3Request): { name: "url" | undefined; encode(text: string): string } {
  const name = request.param("encoding-type");
  if (name === undefined || name === "") return { name: undefined, encode: (text) => text };
  if (name !== "url") throw new S3Error("InvalidArgument", "encoding-type must be url.");
  return { name, encode: encodePath };
}

/** The number of entries of a page that is asked for; at most, and by default, 1000. */
export function pageSize(request: S3Request, parameter: string): number {
  const limit = request.wholeNumber(parameter, MAX_LIST_KEYS);
  if (limit < 1 || limit > MAX_LIST_KEYS) throw invalidMaxKeys();
  return limit;
}

async function listed(call: Call, from: ListOptions) {
  const { request } = call;
  const url = encodingType(request);
  const prefix = request.param("prefix") ?? "";
  const delimiter = request.param("delimiter") ?? "";
  const limit = pageSize(request, "max-keys");
  const page = await bucketOf(call).list({ prefix, delimiter, limit, ...from });
  const fields = {
    Name: bucketName(request),
    Prefix: url.encode(prefix),
    Delimiter: delimiter === "" ? undefined : url.encode(delimiter),
  };
  return { page, fields, limit };
}

function contents(page: ListPage, encode: (text: string) => string, owner: { ID: string } | undefined) {
  return {
    Contents: page.objects.map((object) => ({
      Key: encode(object.key),
      LastModified: new Date(object.uploaded),
      ETag: `"${object.etag}"`,
      ChecksumAlgorithm: checksumOf(object.s3)?.algorithm,
      Size: object.size,
      StorageClass: storageClassName(object.storageClass),
      Owner: owner,
    })),
    CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  };
}

/** The last of a page, in the order of bytes. */
function lastOf({ objects, prefixes }: ListPage): string | undefined {
  const [object, prefix] = [(objects.at(-1) as R2Object | undefined)?.key, prefixes.at(-1)];
  if (object === undefined || prefix === undefined) return object ?? prefix;
  return Buffer.compare(Buffer.from(object), Buffer.from(prefix)) > 0 ? object : prefix;
}

function isKey(key: string): boolean {
  return key !== "" && Buffer.byteLength(key) <= MAX_KEY_BYTES;
}

function given<Name extends "cursor" | "startAfter">(name: Name, value: string | undefined): ListOptions {
  return value ? { [name]: value } : {};
}

function maybe(text: string | undefined, encode: (text: string) => string): string | undefined {
  return text === undefined ? undefined : encode(text);
}
