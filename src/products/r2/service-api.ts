/**
 * The platform's own way to buckets, for the API: `/r2/<account>/buckets…` on the socket of services. JSON both ways, but for
 * contents of objects. `store-client.ts` is the other side.
 */
import type { Exchange } from "../../lib/http/exchange.ts";
import { BodyLost, ExchangeBody } from "../../lib/http/exchange-body.ts";
import type { Buckets } from "./buckets.ts";
import { incompleteBody, invalidArgument, noSuchKey, refusalOf } from "./errors.ts";
import { MAX_DISCARDED_BYTES, MAX_LIST_KEYS } from "./limits.ts";
import type { Attributes, StorageClass } from "./model.ts";
import type { BucketSettings } from "./settings.ts";

export const R2_API = /^\/r2\/([0-9a-f]{32})\/buckets(?:\/([a-z0-9-]{3,63})(?:\/([a-z]+)(?:\/(.*))?)?)?(?:\?(.*))?$/s;

/** Header: attributes of an object that is put, and all of one that is sent. See {@link packed}. */
export const ATTRIBUTES_HEADER = "freehold-r2-attributes";

const JSON_TYPE = "Content-Type: application/json\r\n";
const MAX_SETTINGS_BYTES = 2 * 1024 * 1024;

/** What a change of a bucket says; a setting that is null is taken away. */
export interface BucketChange {
  settings?: { [Name in keyof BucketSettings]: BucketSettings[Name] | null };
  storageClass?: StorageClass;
}

export interface R2ApiCall<State> {
  exchange: Exchange<State>;
  method: string;
  target: string;
  /** Value of {@link ATTRIBUTES_HEADER}. */
  attributes: string | undefined;
}

interface Address {
  accountId: string;
  name: string;
  query: URLSearchParams;
}

/** Answers a call whose target is one of {@link R2_API}. */
export function serveR2Api<State>(buckets: Buckets, call: R2ApiCall<State>): void {
  const { exchange } = call;
  answer(buckets, call).catch((error: unknown) => {
    if (!exchange.open) return;
    const { status, code, message } = refusalOf(error instanceof BodyLost ? incompleteBody() : error);
    exchange.respond(status, JSON_TYPE, JSON.stringify({ code, message }));
  });
}

async function answer<State>(buckets: Buckets, call: R2ApiCall<State>): Promise<void> {
  const { exchange, method, target } = call;
  const [, accountId = "", name = "", part = "", key = "", query] = R2_API.exec(target) ?? [];
  const address = { accountId, name, query: new URLSearchParams(query) };
  if (part === "objects" && key !== "") {
    await serveObject(buckets, call, address, decodeURIComponent(key));
    return;
  }
  const hasBody = method === "POST" || method === "PATCH";
  const body = hasBody ? await bodyOf(exchange) : undefined;
  const result = await operate(buckets, `${method} ${part || (name ? "bucket" : "buckets")}`, address, body);
  if (exchange.open) exchange.respond(200, JSON_TYPE, JSON.stringify(result));
}

async function operate(buckets: Buckets, operation: string, address: Address, body: unknown): Promise<unknown> {
  const { accountId, name, query } = address;
  const limit = Number(query.get("limit") ?? MAX_LIST_KEYS);
  switch (operation) {
    case "GET buckets":
      return buckets.list(accountId, {
        contains: query.get("contains") ?? "",
        descending: query.has("descending"),
        limit,
        ...(query.has("after") && { after: query.get("after") ?? "" }),
      });
    case "POST buckets": {
      const choices = body as { name: string; storageClass?: StorageClass; location?: string; jurisdiction?: string };
      return buckets.create(accountId, choices.name, choices);
    }
    case "GET bucket":
      return buckets.require(accountId, name).info;
    case "PATCH bucket": {
      const { settings = {}, storageClass } = body as BucketChange;
      const changes = Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, value ?? undefined]));
      return buckets.update(accountId, name, { settings: changes, ...(storageClass && { storageClass }) });
    }
    case "DELETE bucket":
      await buckets.delete(accountId, name);
      return {};
    case "GET totals":
      return buckets.require(accountId, name).rows.totals();
    case "GET objects":
      return buckets.require(accountId, name).list({
        prefix: query.get("prefix") ?? "",
        delimiter: query.get("delimiter") ?? "",
        cursor: query.get("cursor") ?? undefined,
        startAfter: query.get("start_after") ?? undefined,
        limit,
      });
    case "POST delete":
      return buckets.require(accountId, name).deleteMany(body as string[]);
    case "POST sweep":
      // For tests, which do not wait for the clock.
      await buckets.sweep();
      return {};
    default:
      throw invalidArgument(`There is no operation ${operation}.`);
  }
}

async function serveObject<State>(
  buckets: Buckets,
  { exchange, method, attributes }: R2ApiCall<State>,
  { accountId, name }: Address,
  key: string,
): Promise<void> {
  switch (method) {
    case "GET": {
      const found = await buckets.require(accountId, name).get(key);
      if (!found?.found) throw noSuchKey();
      if (!exchange.open) {
        found.body.cancel();
        return;
      }
      const about = `${ATTRIBUTES_HEADER}: ${packed(found.object)}\r\n`;
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${found.body.length}\r\n${about}`;
      found.body.sendTo(exchange, `${head}${exchange.startAnswer()}\r\n`);
      return;
    }
    case "PUT": {
      const size = exchange.announcedBytes < 0 ? undefined : exchange.announcedBytes;
      const body = new ExchangeBody(exchange);
      try {
        const given: Attributes = attributes === undefined ? {} : unpacked(attributes);
        const object = await buckets.require(accountId, name).put(key, body, { ...given, size });
        if (exchange.open) exchange.respond(200, JSON_TYPE, JSON.stringify(object));
      } catch (error) {
        await body.discard(MAX_DISCARDED_BYTES);
        throw error;
      }
      return;
    }
    case "DELETE":
      await buckets.require(accountId, name).delete(key);
      if (exchange.open) exchange.respond(200, JSON_TYPE, "{}");
      return;
    default:
      throw invalidArgument(`Objects have no ${method}.`);
  }
}

/** JSON as a header can have it. */
export function packed(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

export function unpacked<Value>(text: string): Value {
  return JSON.parse(Buffer.from(text, "base64url").toString()) as Value;
}

function bodyOf<State>(exchange: Exchange<State>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    exchange.takeBody(MAX_SETTINGS_BYTES, (body) => {
      try {
        resolve(body.length === 0 ? {} : JSON.parse(body.toString()));
      } catch {
        reject(invalidArgument("The body is not JSON."));
      }
    });
  });
}
