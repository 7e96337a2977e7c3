/** What a Worker's KV binding calls: workerd's own protocol (`workerd-bindings.md` 4.1). */
import type { Exchange } from "../../lib/http/exchange.ts";
import { FileSource } from "../../lib/http/file-source.ts";
import type { RequestHead } from "../../lib/http/request-head.ts";
import { bulkDelete, bulkGet, bulkPut } from "./bulk.ts";
import { MAX_BATCH_BYTES, MAX_BULK_REQUEST_BYTES, MAX_VALUE_BYTES } from "./limits.ts";
import type { KvNamespace, KvPage } from "./namespace.ts";
import type { KvNamespaces } from "./namespaces.ts";
import { ValueReceiver } from "./receive.ts";
import { KvRefusal, reasonText, refusalOf } from "./refusal.ts";
import type { KvRow } from "./rows.ts";
import {
  checkRead,
  checkValueLength,
  EXPIRATION_HEADER,
  METADATA_HEADER,
  readAttributes,
  readKey,
  readList,
} from "./wire.ts";

export interface KvCall<State> {
  exchange: Exchange<State>;
  method: RequestHead["method"];
  /** Path and query, as the binding writes them. */
  target: string;
  /** Value of {@link METADATA_HEADER}. */
  metadata: string | undefined;
  accountId: string;
  namespaceId: string;
}

const JSON_TYPE = "Content-Type: application/json\r\n";
const EMPTY = Buffer.alloc(0);

/** Answers a request of a binding. */
export function serveKv<State>(namespaces: KvNamespaces, call: KvCall<State>): void {
  serve(call, () => {
    const namespace = found(namespaces, call);
    if (call.method === "POST") {
      if (call.target !== "/bulk/get") throw new KvRefusal(404, "This is not part of KV.");
      answerBody(call.exchange, MAX_BULK_REQUEST_BYTES, (body) => bulkGet(namespace, body));
    } else serveKeys(call, namespace);
  });
}

/** The same for the platform's API, which has some calls more. */
export function serveKvApi<State>(namespaces: KvNamespaces, call: KvCall<State>): void {
  serve(call, () => {
    const { exchange, method, target } = call;
    if (method === "POST" && target === "/close") {
      namespaces.forget(call.accountId, call.namespaceId);
      exchange.respond(204, "", EMPTY);
      return;
    }
    const change = method === "POST" ? { "/bulk/put": bulkPut, "/bulk/delete": bulkDelete }[target] : undefined;
    if (change === undefined) {
      serveKv(namespaces, call);
      return;
    }
    const namespace = found(namespaces, call);
    answerBody(exchange, 2 * MAX_BATCH_BYTES, async (body) => {
      await change(namespace, body);
      return "{}";
    });
  });
}

function serve<State>({ exchange }: KvCall<State>, work: () => void): void {
  try {
    work();
  } catch (error) {
    refuse(exchange, error);
  }
}

function found<State>(namespaces: KvNamespaces, { accountId, namespaceId }: KvCall<State>): KvNamespace {
  const namespace = namespaces.find(accountId, namespaceId);
  if (namespace) return namespace;
  throw new KvRefusal(
    400,
    `The KV namespace ${namespaceId} does not exist (any more). Bind another one and deploy again.`,
  );
}

function serveKeys<State>(call: KvCall<State>, namespace: KvNamespace): void {
  const { exchange, method, target } = call;
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? "" : target.slice(mark + 1);
  if (method === "GET" && path === "/") {
    const { prefix, from, limit } = readList(query);
    settle(exchange, namespace.list(prefix, from, limit), (page) => exchange.respond(200, JSON_TYPE, listed(page)));
    return;
  }
  const key = readKey(path.slice(1), query);
  switch (method) {
    case "GET":
      checkRead(query);
      settle(exchange, namespace.get(key), (row) => sendValue(exchange, namespace, row));
      return;
    case "HEAD":
      settle(exchange, namespace.get(key), (row) => {
        if (row === undefined) exchange.respond(404, "", EMPTY);
        else exchange.respond(200, fieldsOf(row), EMPTY);
      });
      return;
    case "PUT":
      put(call, namespace, key, query);
      return;
    case "DELETE":
      settle(exchange, namespace.delete([key]), () => exchange.respond(200, "", EMPTY));
      return;
    default:
      throw new KvRefusal(405, "This is not part of KV.");
  }
}

/** Goes on with a result, at once when it is there. */
function settle<State, Value>(
  exchange: Exchange<State>,
  value: Value | Promise<Value>,
  then: (value: Value) => void,
): void {
  if (!(value instanceof Promise)) {
    then(value);
    return;
  }
  value.then(then).catch((error: unknown) => refuse(exchange, error));
}

function answerBody<State>(exchange: Exchange<State>, maxBytes: number, work: (body: Buffer) => Promise<string>): void {
  exchange.takeBody(maxBytes, (body) => settle(exchange, work(body), (text) => exchange.respond(200, JSON_TYPE, text)));
}

function sendValue<State>(exchange: Exchange<State>, namespace: KvNamespace, row: KvRow | undefined): void {
  if (row === undefined) {
    exchange.respond(404, "", EMPTY);
    return;
  }
  const fields = row.metadata === null && row.expires === null ? "" : fieldsOf(row);
  if (row.file === null) {
    const { buffer, byteOffset, byteLength } = row.value ?? EMPTY;
    exchange.respond(200, fields, Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength));
    return;
  }
  if (!exchange.open) return;
  const descriptor = namespace.files.open(row.file);
  const head = `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${row.size}\r\n${exchange.startAnswer()}\r\n`;
  exchange.write(head);
  exchange.writeFrom(new FileSource(exchange, descriptor, 0, row.size));
}

function fieldsOf({ expires, metadata }: KvRow): string {
  // Heads are written as one byte a character.
  return (
    (metadata === null ? "" : `${METADATA_HEADER}: ${Buffer.from(metadata).toString("latin1")}\r\n`) +
    (expires === null ? "" : `${EXPIRATION_HEADER}: ${expires}\r\n`)
  );
}

/** Made by hand: the metadata is JSON already. */
function listed({ rows, next }: KvPage): string {
  const keys = rows.map(({ key, expires, metadata }) => {
    const name = JSON.stringify(Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString());
    const expiration = expires === null ? "" : `,"expiration":${expires}`;
    return `{"name":${name}${expiration}${metadata === null ? "" : `,"metadata":${metadata}`}}`;
  });
  const end =
    next === undefined
      ? `"list_complete":true`
      : `"list_complete":false,"cursor":"${Buffer.from(next).toString("base64url")}"`;
  return `{"keys":[${keys.join(",")}],${end}}`;
}

function put<State>(call: KvCall<State>, namespace: KvNamespace, key: Buffer, query: string): void {
  const { exchange } = call;
  const attributes = readAttributes(query, call.metadata);
  if (exchange.announcedBytes > 4 * MAX_VALUE_BYTES) checkValueLength(exchange.announcedBytes);
  const receiver = new ValueReceiver(exchange, namespace, key, attributes, (error) => {
    if (error === undefined) exchange.respond(200, "", EMPTY);
    else refuse(exchange, error);
  });
  exchange.streamBody(receiver);
}

function refuse<State>(exchange: Exchange<State>, error: unknown): void {
  const { status, message } = refusalOf(error);
  exchange.respond(status, "Content-Type: text/plain\r\n", message, reasonText(message));
}
