/** Objects over the API: passed on to the services role, which has them. Keys stand in the path as they are, slashes too. */
import { ApiError, type ApiRequest, ApiResult, route } from "../../lib/api.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { holds, parseEtags } from "./conditions.ts";
import { httpFields, httpMetadataOf } from "./http-metadata.ts";
import type { Attributes, ListPage, R2Object, StorageClass } from "./model.ts";
import { ATTRIBUTES_HEADER, packed, unpacked } from "./service-api.ts";
import { askBuckets, bucketPath, callBuckets, jsonOf } from "./store-client.ts";

type Request = ApiRequest<Platform, unknown>;

export function objectRoutes(bucket: string): ApiRoute[] {
  const object = `${bucket}/objects/:key{.+}`;
  return [
    route<Platform>({
      method: "GET",
      path: `${bucket}/objects`,
      scope: "read",
      summary: "List objects in the order of their keys; `prefix`, `delimiter`, `start_after`, `cursor`, `per_page`",
      handle: listObjects,
    }),
    objectRoute("GET", object, "Read an object, as it is", sendObject),
    objectRoute("PUT", object, "Write an object: the body, with its metadata in the usual headers", receiveObject),
    objectRoute("DELETE", object, "Delete an object", async (request) => {
      const reply = await askBuckets(request.platform, request.accountId, objectPath(request), { method: "DELETE" });
      reply.body.resume();
      return { key: keyOf(request) };
    }),
  ];
}

function objectRoute(
  method: "GET" | "PUT" | "DELETE",
  path: string,
  summary: string,
  handle: (request: Request) => unknown,
): ApiRoute {
  const scope = method === "GET" ? "read" : "edit";
  // Data, as rows of a database are: there may be thousands a minute.
  return route<Platform>({ method, path, scope, summary, audited: false, handle });
}

async function listObjects({ platform, accountId, params, query }: Request): Promise<ApiResult> {
  const options = new URLSearchParams({ limit: query.get("per_page") || "1000" });
  for (const name of ["prefix", "delimiter", "start_after", "cursor"]) {
    const value = query.get(name);
    if (value) options.set(name, value);
  }
  const path = `${bucketPath(params.bucket ?? "")}/objects?${options}`;
  const page = await callBuckets<ListPage>(platform, accountId, "GET", path);
  const resultInfo = {
    per_page: Number(options.get("limit")),
    is_truncated: page.cursor !== undefined,
    ...(page.cursor !== undefined && { cursor: page.cursor }),
    ...(query.get("delimiter") && { delimited: page.prefixes }),
  };
  return new ApiResult(page.objects.map(present), { resultInfo });
}

function present({ key, size, etag, uploaded, storageClass, http, custom, ssecKeyMd5 }: R2Object) {
  const { cacheExpiry, ...rest } = http;
  return {
    key,
    size,
    etag,
    last_modified: new Date(uploaded).toISOString(),
    storage_class: storageClass,
    http_metadata: { ...rest, ...(cacheExpiry !== undefined && { cacheExpiry: new Date(cacheExpiry).toISOString() }) },
    custom_metadata: custom,
    ssec: ssecKeyMd5 !== undefined,
  };
}

async function sendObject(request: Request): Promise<Response> {
  const reply = await askBuckets(request.platform, request.accountId, objectPath(request));
  const object = unpacked<R2Object>(reply.header(ATTRIBUTES_HEADER) ?? "");
  const headers = new Headers({
    "content-type": "application/octet-stream",
    ...httpFields(object.http),
    etag: `"${object.etag}"`,
    "last-modified": new Date(object.uploaded).toUTCString(),
    "content-length": String(object.size),
    // On the API's own host it is data, whatever it says of itself.
    "content-security-policy": "sandbox",
    "x-content-type-options": "nosniff",
  });
  if (isUnchanged(request.raw.headers, object)) {
    reply.body.destroy();
    headers.delete("content-length");
    return new Response(null, { status: 304, headers });
  }
  return new Response(ReadableStream.from(reply.body), { headers });
}

function isUnchanged(headers: Headers, object: R2Object): boolean {
  const noneMatch = headers.get("if-none-match");
  const since = Date.parse(headers.get("if-modified-since") ?? "");
  const onlyIf = {
    ...(noneMatch !== null && { etagDoesNotMatch: parseEtags(noneMatch) }),
    ...(!Number.isNaN(since) && { uploadedAfter: since }),
    secondsGranularity: true,
  };
  return !holds(onlyIf, object);
}

async function receiveObject(request: Request): Promise<Record<string, unknown>> {
  const { platform, accountId, raw } = request;
  const storageClass = raw.headers.get("cf-r2-storage-class");
  const attributes: Attributes = {
    http: httpMetadataOf((name) => raw.headers.get(name) ?? undefined),
    ...(storageClass !== null && { storageClass: storageClass as StorageClass }),
  };
  const length = raw.headers.get("content-length");
  const body = raw.body as AsyncIterable<Uint8Array> | null;
  const reply = await askBuckets(platform, accountId, objectPath(request), {
    method: "PUT",
    headers: {
      [ATTRIBUTES_HEADER]: packed(attributes),
      ...(body && length !== null && { "content-length": length }),
    },
    body: body ?? "",
  });
  const object = (await jsonOf(reply)) as R2Object;
  return {
    key: object.key,
    etag: object.etag,
    size: String(object.size),
    version: object.version,
    storage_class: object.storageClass,
    uploaded: new Date(object.uploaded).toISOString(),
  };
}

function objectPath(request: Request): string {
  return `${bucketPath(request.params.bucket ?? "")}/objects/${encodeURIComponent(keyOf(request))}`;
}

/** The key as the address has it; one that is no percent-encoding is taken as it is: the client does not encode keys. */
function keyOf({ raw }: Request): string {
  const { pathname } = new URL(raw.url);
  const key = /\/r2\/buckets\/[^/]+\/objects\/(.*)$/s.exec(pathname)?.[1] ?? "";
  try {
    return decodeURIComponent(key);
  } catch {
    if (key !== "") return key;
    throw new ApiError(400, { code: 10020, message: "The specified object name is not valid." });
  }
}
