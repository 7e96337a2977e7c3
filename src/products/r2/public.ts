/** What the world sees of a bucket that is open to it (`workers-semantics.md` 10.4): GET and HEAD of objects, no lists. */
import type { Exchange } from "../../lib/http/exchange.ts";
import type { Bucket } from "./bucket.ts";
import { holds, parseEtags } from "./conditions.ts";
import { matchCors } from "./cors.ts";
import { noSuchKey, R2Error, refusalOf } from "./errors.ts";
import { httpFields } from "./http-metadata.ts";
import type { Conditions, R2Object } from "./model.ts";

export interface PublicRequest {
  method: string;
  /** Path and query. */
  target: string;
  /** By lower-case name. */
  headers: ReadonlyMap<string, string>;
}

type Fields = Record<string, string>;

/** Answers for the bucket of a host name; undefined: the name is nobody's, or is switched off. */
export function servePublic<State>(
  bucket: Bucket | undefined,
  exchange: Exchange<State>,
  request: PublicRequest,
): void {
  answer(bucket, exchange, request).catch((error: unknown) => {
    if (exchange.open) refuse(exchange, error, bucket ? corsOf(bucket, request) : {});
  });
}

async function answer<State>(
  bucket: Bucket | undefined,
  exchange: Exchange<State>,
  request: PublicRequest,
): Promise<void> {
  const { method, headers } = request;
  if (bucket === undefined) throw new R2Error(404, 10006, "NoSuchBucket", "There is no public bucket at this address.");
  if (method === "OPTIONS") {
    preflight(bucket, exchange, request);
    return;
  }
  if (method !== "GET" && method !== "HEAD") {
    exchange.respond(405, lines({ Allow: "GET, HEAD, OPTIONS", ...corsOf(bucket, request) }), "");
    return;
  }
  const key = keyOf(request.target);
  const object = await bucket.head(key);
  if (object === undefined) throw noSuchKey();
  const fields = { ...fieldsOf(object), ...corsOf(bucket, request) };
  const refused = conditionsRefuse(headers, object);
  if (refused !== undefined) {
    exchange.respond(refused, lines(fields), "");
    return;
  }
  if (method === "HEAD") {
    send(exchange, 200, { ...fields, "Content-Length": String(object.size) });
    exchange.end();
    return;
  }
  await sendContent(bucket, exchange, { key, object, headers, fields });
}

interface Content {
  key: string;
  object: R2Object;
  headers: PublicRequest["headers"];
  fields: Fields;
}

async function sendContent<State>(
  bucket: Bucket,
  exchange: Exchange<State>,
  { key, object, headers, fields }: Content,
): Promise<void> {
  // What the headers say must be of what is sent, so it is this version or none.
  const onlyIf: Conditions = { etagMatches: [{ value: object.etag }] };
  const range = rangeFits(headers, object) ? headers.get("range") : undefined;
  let found: Awaited<ReturnType<Bucket["get"]>>;
  try {
    found = await bucket.get(key, { onlyIf, range });
  } catch (error) {
    if (!(error instanceof R2Error) || error.status !== 416) throw error;
    exchange.respond(416, lines({ ...fields, "Content-Range": `bytes */${object.size}` }), "");
    return;
  }
  if (!found?.found) throw noSuchKey();
  const { body, range: part } = found;
  if (!exchange.open) {
    body.cancel();
    return;
  }
  const length = { "Content-Length": String(body.length) };
  if (part === undefined) body.sendTo(exchange, head(exchange, 200, { ...fields, ...length }));
  else {
    const of = `bytes ${part.offset}-${part.offset + part.length - 1}/${object.size}`;
    body.sendTo(exchange, head(exchange, 206, { ...fields, ...length, "Content-Range": of }));
  }
}

function fieldsOf(object: R2Object): Fields {
  return {
    ...httpFields(object.http),
    ETag: `"${object.etag}"`,
    "Last-Modified": new Date(object.uploaded).toUTCString(),
    "Accept-Ranges": "bytes",
  };
}

/** The status of an answer that conditions take the place of (RFC 9110, 13.2.2). */
function conditionsRefuse(headers: PublicRequest["headers"], object: R2Object): 304 | 412 | undefined {
  const [match, noneMatch] = [headers.get("if-match"), headers.get("if-none-match")];
  const [before, after] = [dateOf(headers, "if-unmodified-since"), dateOf(headers, "if-modified-since")];
  const secondsGranularity = true;
  const must: Conditions = {
    etagMatches: match === undefined ? undefined : parseEtags(match),
    // "Not after" is "before a second later".
    uploadedBefore: before === undefined ? undefined : before + 1000,
    secondsGranularity,
  };
  if (!holds(must, object)) return 412;
  const changed: Conditions = {
    etagDoesNotMatch: noneMatch === undefined ? undefined : parseEtags(noneMatch),
    uploadedAfter: after,
    secondsGranularity,
  };
  return holds(changed, object) ? undefined : 304;
}

/** A range of an older content is of no use to whoever says which one they have. */
function rangeFits(headers: PublicRequest["headers"], object: R2Object): boolean {
  const ifRange = headers.get("if-range");
  if (ifRange === undefined) return true;
  if (ifRange.includes('"')) return ifRange === `"${object.etag}"`;
  return Math.floor(object.uploaded / 1000) * 1000 === Date.parse(ifRange);
}

function dateOf(headers: PublicRequest["headers"], name: string): number | undefined {
  const time = Date.parse(headers.get(name) ?? "");
  return Number.isNaN(time) ? undefined : time;
}

function preflight<State>(bucket: Bucket, exchange: Exchange<State>, { headers }: PublicRequest): void {
  const [origin, method] = [headers.get("origin"), headers.get("access-control-request-method")];
  const asked = (headers.get("access-control-request-headers") ?? "").split(",").map((name) => name.trim());
  const { cors = [] } = bucket.info.settings;
  const allowed =
    origin !== undefined &&
    method !== undefined &&
    matchCors(cors, { origin, method, headers: asked.filter((name) => name !== "") });
  if (allowed) exchange.respond(204, lines(allowed), "");
  else exchange.respond(403, "", "");
}

function corsOf({ info }: Bucket, { method, headers }: PublicRequest): Fields {
  const { cors } = info.settings;
  const origin = headers.get("origin");
  if (cors === undefined) return {};
  return (origin !== undefined && matchCors(cors, { origin, method })) || { Vary: "Origin" };
}

/** Error 10007 for what is no key. */
function keyOf(target: string): string {
  const question = target.indexOf("?");
  const path = question < 0 ? target.slice(1) : target.slice(1, question);
  try {
    const key = decodeURIComponent(path);
    if (key !== "") return key;
  } catch {}
  throw noSuchKey();
}

function send<State>(exchange: Exchange<State>, status: number, fields: Fields): void {
  exchange.write(head(exchange, status, fields));
}

function head<State>(exchange: Exchange<State>, status: number, fields: Fields): string {
  const reason = status === 206 ? "Partial Content" : "OK";
  return `HTTP/1.1 ${status} ${reason}\r\n${lines(fields)}${exchange.startAnswer()}\r\n`;
}

function lines(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
}

/** Errors are pages, as people come here with browsers. */
function refuse<State>(exchange: Exchange<State>, error: unknown, fields: Fields): void {
  const { status, message } = refusalOf(error);
  const page = `<!doctype html><title>${status}</title><h1>${status}</h1><p>${message.replace(/[&<>]/g, " ")}</p>\n`;
  exchange.respond(status, lines({ "Content-Type": "text/html; charset=utf-8", ...fields }), page);
}
