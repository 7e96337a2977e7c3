/** Keys and values over the API: passed on to the services role, which has them, in the words of the binding. */
import type { ApiRequest } from "../../lib/api.ts";
import { MultipartError, multipartBoundary, readMultipart } from "../../lib/multipart.ts";
import type { Platform, ServicesReply, ServicesRequest } from "../../store/platform.ts";
import type { KvNamespaceRow } from "../../store/schema.ts";
import { keyNotFound, malformed, storeRefused, storeUnreachable } from "./errors.ts";
import { MAX_METADATA_BYTES, MAX_VALUE_BYTES } from "./limits.ts";
import { KvRefusal } from "./refusal.ts";
import { checkMetadata, checkValueLength, METADATA_HEADER } from "./wire.ts";

type Request = ApiRequest<Platform, unknown>;

/** Asks the store about a namespace. Throws what it refuses; 404 is left to the caller. */
export async function askStore(
  platform: Platform,
  row: KvNamespaceRow,
  path: string,
  request?: ServicesRequest,
): Promise<ServicesReply> {
  let reply: ServicesReply;
  try {
    reply = await platform.services(`/kv/${row.account_id}/${row.id}${path}`, request);
  } catch (error) {
    if (error instanceof MultipartError) throw malformed(`its body ${error.message}.`);
    throw storeUnreachable(error instanceof Error ? error.message : String(error));
  }
  if (reply.status < 400 || reply.status === 404) return reply;
  const text = await textOf(reply);
  throw storeRefused(reply.status, text || reply.reason);
}

export async function textOf({ body }: ServicesReply): Promise<string> {
  return Buffer.concat(await body.toArray()).toString();
}

/** Turns the store's refusals into the API's. */
export async function checked<Value>(work: () => Promise<Value> | Value): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof KvRefusal ? storeRefused(error.status, error.message) : error;
  }
}

/** The value as it is, whatever it is, as a stream. */
export async function sendValue(request: Request, row: KvNamespaceRow): Promise<Response> {
  const reply = await askStore(request.platform, row, keyPath(request));
  if (reply.status === 404) {
    reply.body.destroy();
    throw keyNotFound();
  }
  const expiration = reply.header("cf-expiration");
  const length = reply.header("content-length");
  return new Response(ReadableStream.from(reply.body), {
    headers: {
      "content-type": "application/octet-stream",
      "cache-control": "no-store",
      ...(length !== undefined && { "content-length": length }),
      ...(expiration !== undefined && { expiration }),
    },
  });
}

/** The metadata of a key; null when it has none. */
export async function readMetadata(request: Request, row: KvNamespaceRow): Promise<unknown> {
  const reply = await askStore(request.platform, row, keyPath(request), { method: "HEAD" });
  reply.body.resume();
  if (reply.status === 404) throw keyNotFound();
  const metadata = reply.header(METADATA_HEADER);
  return metadata === undefined ? null : JSON.parse(Buffer.from(metadata, "latin1").toString());
}

/** Stores the body: as it is, or the parts `value` and `metadata` of a form. */
export async function receiveValue(request: Request, row: KvNamespaceRow): Promise<null> {
  const { raw, query } = request;
  const options = new URLSearchParams();
  for (const name of ["expiration", "expiration_ttl"]) {
    const value = query.get(name);
    if (value) options.set(name, value);
  }
  const path = `${keyPath(request)}${options.size > 0 ? `&${options}` : ""}`;
  const boundary = multipartBoundary(raw.headers.get("content-type"));
  const body = raw.body as AsyncIterable<Uint8Array> | null;
  const length = raw.headers.get("content-length");
  await checked(async () => {
    if (boundary !== undefined) {
      const { value, metadata } = await readForm(body ?? emptyBody(), boundary);
      const headers = metadata === undefined ? {} : { [METADATA_HEADER]: asHeader(checkMetadata(metadata)) };
      return askStore(request.platform, row, path, { method: "PUT", headers, body: value });
    }
    if (length !== null) checkValueLength(Number(length));
    return askStore(request.platform, row, path, {
      method: "PUT",
      body: body ?? "",
      ...(body && length !== null && { headers: { "content-length": length } }),
    });
  }).then(drain);
  return null;
}

export async function removeKey(request: Request, row: KvNamespaceRow): Promise<null> {
  drain(await askStore(request.platform, row, keyPath(request), { method: "DELETE" }));
  return null;
}

/** The key as the caller encoded it: no decoding on the way, so none that could differ. */
function keyPath({ raw }: Request): string {
  const { pathname } = new URL(raw.url);
  return `/${pathname.slice(pathname.lastIndexOf("/") + 1)}?urlencoded=true`;
}

/** The metadata may come last, and is sent first: so a value in a form is held in memory. */
async function readForm(
  body: AsyncIterable<Uint8Array>,
  boundary: string,
): Promise<{ value: Buffer; metadata: string | undefined }> {
  let value: Buffer | undefined;
  let metadata: string | undefined;
  try {
    for await (const part of readMultipart(body, boundary)) {
      if (part.name === "value") value = await whole(part.body, MAX_VALUE_BYTES);
      else if (part.name === "metadata") metadata = (await whole(part.body, 2 * MAX_METADATA_BYTES)).toString();
    }
  } catch (error) {
    if (error instanceof MultipartError) throw malformed(`its body ${error.message}.`);
    throw error;
  }
  if (value === undefined) throw malformed('the form has no part "value".');
  return { value, metadata };
}

async function whole(chunks: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) {
      if (maxBytes === MAX_VALUE_BYTES) checkValueLength(size);
      throw new KvRefusal(413, `Metadata exceeds limit of ${MAX_METADATA_BYTES}.`);
    }
    // A copy: a part's memory is the reader's.
    parts.push(Buffer.from(chunk));
  }
  return Buffer.concat(parts, size);
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

/** UTF-8 bytes, one a character, as Node writes them. */
function asHeader(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function drain({ body }: ServicesReply): void {
  body.resume();
}
