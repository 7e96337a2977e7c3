/** What a Worker's R2 binding calls: workerd's own protocol (`workerd-bindings.md` 4.2). */
import type { Exchange } from "../../lib/http/exchange.ts";
import { BodyLost, ExchangeBody } from "../../lib/http/exchange-body.ts";
import type { Bucket } from "./bucket.ts";
import type { Buckets } from "./buckets.ts";
import { incompleteBody, invalidArgument, noSuchKey, preconditionFailed, refusalOf } from "./errors.ts";
import { MAX_DISCARDED_BYTES, MAX_LIST_KEYS, MAX_WIRE_BYTES } from "./limits.ts";
import type { ListPage, R2Object } from "./model.ts";
import {
  attributesOf,
  checksumsOf,
  conditionsOf,
  customerKeyOf,
  errorLine,
  getOptionsOf,
  keyOf,
  METADATA_SIZE_HEADER,
  parseRequest,
  type WireRequest,
  wireObject,
} from "./wire.ts";

export interface R2Call<State> {
  exchange: Exchange<State>;
  /** Value of the header `cf-r2-request`: the request of a call that only reads. */
  request: string | undefined;
  /** Value of the header `cf-r2-metadata-size`: bytes of the request at the beginning of the body. */
  metadataSize: string | undefined;
  accountId: string;
  bucketName: string;
}

const JSON_TYPE = "Content-Type: application/json\r\n";

/** Answers a request of a binding. */
export function serveR2<State>(buckets: Buckets, call: R2Call<State>): void {
  const { exchange } = call;
  const work = call.request === undefined ? change(buckets, call) : read(buckets, call, call.request);
  work.catch((error: unknown) => {
    if (exchange.open) refuse(exchange, error);
  });
}

/** Calls that only read: the request is a header. */
async function read<State>(buckets: Buckets, call: R2Call<State>, header: string): Promise<void> {
  const { exchange } = call;
  // Heads are read as one byte a character.
  const request = parseRequest(Buffer.from(header, "latin1").toString());
  const bucket = buckets.require(call.accountId, call.bucketName);
  switch (request.method) {
    case "head": {
      const object = await bucket.head(keyOf(request));
      if (object === undefined) throw noSuchKey();
      respond(exchange, 200, wireObject(object));
      return;
    }
    case "get": {
      const found = await bucket.get(keyOf(request), getOptionsOf(request));
      if (found === undefined) throw noSuchKey();
      if (!found.found) {
        const { code, message } = preconditionFailed();
        respond(exchange, 412, wireObject(found.object), errorLine(code, message));
        return;
      }
      const { object, body, range } = found;
      if (!exchange.open) {
        body.cancel();
        return;
      }
      const metadata = Buffer.from(JSON.stringify(wireObject(object, range)));
      const head =
        `HTTP/1.1 200 OK\r\n${METADATA_SIZE_HEADER}: ${metadata.length}\r\n` +
        `Content-Length: ${metadata.length + body.length}\r\n${exchange.startAnswer()}\r\n`;
      body.sendTo(exchange, head + metadata.toString("latin1"));
      return;
    }
    case "list": {
      const json = await listed(bucket, request);
      exchange.respond(200, `${METADATA_SIZE_HEADER}: ${json.length}\r\n${JSON_TYPE}`, json);
      return;
    }
    default:
      throw invalidArgument(`There is no method ${JSON.stringify(request.method)} that reads.`);
  }
}

/** Calls that change something: the request stands before the value in the body. */
async function change<State>(buckets: Buckets, call: R2Call<State>): Promise<void> {
  const { exchange } = call;
  const metadataBytes = Number(call.metadataSize);
  const body = new ExchangeBody(exchange);
  try {
    if (!Number.isInteger(metadataBytes) || metadataBytes < 2 || metadataBytes > 2 * MAX_WIRE_BYTES) {
      throw invalidArgument("Metadata missing or invalid");
    }
    const request = parseRequest((await body.take(metadataBytes)).toString());
    const size = exchange.announcedBytes < 0 ? undefined : exchange.announcedBytes - metadataBytes;
    const bucket = buckets.require(call.accountId, call.bucketName);
    const result = await apply(bucket, request, body, size);
    if (exchange.open) exchange.respond(200, JSON_TYPE, JSON.stringify(result ?? {}));
  } catch (error) {
    if (!exchange.open) return;
    // The runtime sends everything before it looks at an answer.
    await body.discard(MAX_DISCARDED_BYTES);
    if (exchange.open) refuse(exchange, error instanceof BodyLost ? incompleteBody() : error);
  }
}

async function apply(
  bucket: Bucket,
  request: WireRequest,
  body: AsyncIterable<Uint8Array>,
  size: number | undefined,
): Promise<Record<string, unknown> | undefined> {
  const { uploadId = "", parts = [], partNumber = 0 } = request;
  const customerKey = customerKeyOf(request.ssec);
  switch (request.method) {
    case "put": {
      const onlyIf = conditionsOf(request.onlyIf);
      const expect = checksumsOf(request);
      const options = { ...attributesOf(request), onlyIf, expect, customerKey, size };
      return stored(await bucket.put(keyOf(request), body, options));
    }
    case "delete": {
      for (const { error } of await bucket.deleteMany(request.objects ?? [keyOf(request)])) if (error) throw error;
      return undefined;
    }
    case "createMultipartUpload": {
      const { id } = await bucket.uploads.create(keyOf(request), { ...attributesOf(request), customerKey });
      return { uploadId: id };
    }
    case "uploadPart": {
      const { etag } = await bucket.uploads.putPart(keyOf(request), uploadId, partNumber, body, { customerKey, size });
      return { etag };
    }
    case "completeMultipartUpload": {
      const named = parts.map(({ part, etag }) => ({ number: part, etag }));
      return stored(await bucket.uploads.complete(keyOf(request), uploadId, named));
    }
    case "abortMultipartUpload":
      await bucket.uploads.abort(keyOf(request), uploadId);
      return undefined;
    default:
      throw invalidArgument(`There is no method ${JSON.stringify(request.method)} that changes anything.`);
  }
}

function stored(object: R2Object | undefined): Record<string, unknown> {
  if (object === undefined) throw preconditionFailed();
  return wireObject(object);
}

/** A page as JSON; shorter than was asked for when the runtime could not read all of it. */
async function listed(bucket: Bucket, request: WireRequest): Promise<Buffer> {
  const { prefix, delimiter, cursor, startAfter, include = [] } = request;
  const parts = { http: include.includes(0), custom: include.includes(1) };
  for (let limit = request.limit ?? MAX_LIST_KEYS; ; limit = Math.ceil(limit / 2)) {
    const page = await bucket.list({ prefix, delimiter, cursor, startAfter, limit });
    const json = Buffer.from(JSON.stringify(wirePage(page, parts)));
    if (json.length <= MAX_WIRE_BYTES || limit === 1) return json;
  }
}

function wirePage(page: ListPage, include: { http: boolean; custom: boolean }): Record<string, unknown> {
  return {
    objects: page.objects.map((object) => wireObject(object, undefined, include)),
    truncated: page.cursor !== undefined,
    ...(page.cursor !== undefined && { cursor: page.cursor }),
    delimitedPrefixes: page.prefixes,
  };
}

function respond<State>(exchange: Exchange<State>, status: number, value: unknown, fields = ""): void {
  const json = Buffer.from(JSON.stringify(value));
  exchange.respond(status, `${METADATA_SIZE_HEADER}: ${json.length}\r\n${JSON_TYPE}${fields}`, json);
}

function refuse<State>(exchange: Exchange<State>, error: unknown): void {
  const { status, code, message } = refusalOf(error);
  exchange.respond(status, errorLine(code, message), "");
}
