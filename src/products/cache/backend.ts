/** What `caches` of a Worker calls: the runtime's own protocol (`workerd-bindings.md` 4.20). */
import { close, open } from "node:fs";
import type { BodySink, Exchange } from "../../lib/http/exchange.ts";
import { FileSource } from "../../lib/http/file-source.ts";
import type { HeaderNames } from "../../lib/http/header-names.ts";
import type { RequestHead } from "../../lib/http/request-head.ts";
import { reasonPhrase } from "../../lib/http/status.ts";
import { SCHEME_HEADER } from "../assets/binding.ts";
import type { BodyWriter, WrittenBody } from "./body-writer.ts";
import { type Conditions, select } from "./conditional.ts";
import { type Field, fieldsOf, listOf, tokensOf } from "./fields.ts";
import { MAX_RESPONSE_BYTES, MAX_RESPONSE_HEAD_BYTES } from "./limits.ts";
import { type ReadHead, ResponseReader } from "./response-reader.ts";
import { assess } from "./storable.ts";
import type { CacheKey, Entry, NewEntry, RequestField, ResponseStore } from "./store.ts";

/** Which of a Worker's caches; the runtime sets it for `caches.open(name)`. */
const CACHE_NAME_HEADER = "cf-cache-namespace";

/** What a server must know of to serve caches. */
export const cacheHeaderNames = [
  CACHE_NAME_HEADER,
  SCHEME_HEADER,
  "range",
  "if-range",
  "if-none-match",
  "if-modified-since",
];

/** The runtime takes it for "nothing there". */
const MISS = "CF-Cache-Status: MISS\r\n";

/** The store as it is now; undefined when there is none, as on a disk that cannot be written. `failed`: it threw. */
export interface CacheAccess {
  store(): ResponseStore | undefined;
  failed(error: unknown): void;
}

/** Answers the requests of one server, whose header names include {@link cacheHeaderNames}. */
export class CacheBackend {
  readonly #access: CacheAccess;
  readonly #ids: Record<"name" | "scheme" | "range" | "ifRange" | "ifNoneMatch" | "ifModifiedSince", number>;

  constructor(access: CacheAccess, names: HeaderNames) {
    this.#access = access;
    this.#ids = {
      name: names.id(CACHE_NAME_HEADER),
      scheme: names.id(SCHEME_HEADER),
      range: names.id("range"),
      ifRange: names.id("if-range"),
      ifNoneMatch: names.id("if-none-match"),
      ifModifiedSince: names.id("if-modified-since"),
    };
  }

  /** `scope`: whose caches they are. */
  serve<State>(exchange: Exchange<State>, head: RequestHead, scope: string): void {
    const ids = this.#ids;
    const scheme = head.get(ids.scheme) === "https" ? "https" : "http";
    const key: CacheKey = {
      scope,
      cacheName: head.get(ids.name) ?? "",
      url: `${scheme}://${head.host.toLowerCase()}${head.target}`,
    };
    try {
      switch (head.method) {
        case "GET":
          this.#match(exchange, key, head);
          break;
        case "PUT":
          this.#put(exchange, key, fieldsOf(head));
          break;
        case "PURGE":
          exchange.respond(this.#access.store()?.delete(key, Date.now()) ? 200 : 404, "", "");
          break;
        default:
          exchange.respond(405, "", "");
      }
    } catch (error) {
      this.#access.failed(error);
      if (exchange.open) exchange.respond(504, MISS, "");
    }
  }

  #match<State>(exchange: Exchange<State>, key: CacheKey, head: RequestHead): void {
    const nowMs = Date.now();
    let fields: Field[] | undefined;
    const entry = this.#access.store()?.find(
      key,
      (name) => {
        fields ??= fieldsOf(head);
        return listOf(fields, name) ?? "";
      },
      nowMs,
    );
    if (!entry) {
      exchange.respond(504, MISS, "");
      return;
    }
    const ids = this.#ids;
    answer(exchange, entry, nowMs, {
      range: head.get(ids.range),
      ifRange: head.get(ids.ifRange),
      ifNoneMatch: head.get(ids.ifNoneMatch),
      ifModifiedSince: head.get(ids.ifModifiedSince),
    });
  }

  #put<State>(exchange: Exchange<State>, key: CacheKey, requestFields: Field[]): void {
    const store = this.#access.store();
    const requestField: RequestField = (name) => listOf(requestFields, name) ?? "";
    const sink = new PutSink(exchange, store?.writer(), (head, body) => {
      const nowMs = Date.now();
      const entry = newEntry(head, nowMs);
      if (!entry || !store) return false;
      store.put(key, requestField, entry, body);
      return true;
    });
    sink.failed = (error) => this.#access.failed(error);
    exchange.streamBody(sink, MAX_RESPONSE_BYTES + MAX_RESPONSE_HEAD_BYTES);
  }
}

/** Keeps a response; false: it may not be kept after all. */
type Keep = (head: ReadHead, body: WrittenBody) => boolean;

/** Takes a response that is put; one that is not kept is read to its end all the same, so that the runtime is not cut off. */
class PutSink<State> implements BodySink {
  failed: (error: unknown) => void = () => {};
  readonly #exchange: Exchange<State>;
  readonly #reader = new ResponseReader();
  readonly #store: Keep;
  /** Undefined once it is clear that the response is not kept. */
  #writer: BodyWriter | undefined;

  constructor(exchange: Exchange<State>, writer: BodyWriter | undefined, store: Keep) {
    this.#exchange = exchange;
    this.#writer = writer;
    this.#store = store;
  }

  write(bytes: Buffer): boolean {
    if (!this.#writer) return true;
    const begun = this.#reader.head !== undefined;
    const body = this.#reader.read(bytes);
    const { head } = this.#reader;
    if (body === "broken" || (head && !begun && !newEntry(head, Date.now()))) this.#giveUp();
    else if (body !== undefined && body.length > 0) {
      const state = this.#writer.write(body, () => this.#exchange.resumeBody());
      if (state === "full") this.#giveUp();
      return state !== "wait";
    }
    return true;
  }

  end(): void {
    void this.#finish().catch((error: unknown) => {
      this.failed(error);
      this.#refuse();
    });
  }

  cancel(): void {
    this.#giveUp();
  }

  async #finish(): Promise<void> {
    const writer = this.#writer;
    const { head } = this.#reader;
    if (!writer || !head || (head.length !== undefined && head.length !== writer.size)) {
      this.#refuse();
      return;
    }
    const written = await writer.finish();
    if (!this.#store(head, written)) {
      this.#refuse();
      return;
    }
    this.#writer = undefined;
    if (this.#exchange.open) this.#exchange.respond(204, "", "");
  }

  #refuse(): void {
    this.#giveUp();
    if (this.#exchange.open) this.#exchange.respond(413, "", "");
  }

  #giveUp(): void {
    const writer = this.#writer;
    this.#writer = undefined;
    void writer?.discard().catch((error: unknown) => this.failed(error));
  }
}

function newEntry({ status, fields }: ReadHead, nowMs: number): NewEntry | undefined {
  const storable = assess(status, fields, nowMs);
  if (!storable) return;
  const kept = fields.filter(([name]) => !storable.dropped.has(name));
  return {
    status,
    fields: kept.map(([name, value]) => `${name}: ${value}\r\n`).join(""),
    etag: listOf(kept, "etag") ?? "",
    lastModified: listOf(kept, "last-modified") ?? "",
    storedMs: nowMs,
    expiresMs: nowMs + storable.freshMs,
    ageSeconds: storable.ageSeconds,
    vary: [...new Set(tokensOf(listOf(fields, "vary") ?? ""))].sort(),
    tags: tokensOf(listOf(fields, "cache-tag") ?? ""),
  };
}

function answer<State>(exchange: Exchange<State>, entry: Entry, nowMs: number, asked: Conditions): void {
  const selection = select(entry, asked);
  const age = entry.ageSeconds + Math.max(0, Math.floor((nowMs - entry.storedMs) / 1000));
  const fields = `${entry.fields}CF-Cache-Status: HIT\r\nAge: ${age}\r\n`;
  switch (selection.kind) {
    case "whole":
      send(exchange, entry, entry.status, fields, 0, entry.size);
      break;
    case "part": {
      const { offset, length } = selection;
      const range = `Content-Range: bytes ${offset}-${offset + length - 1}/${entry.size}\r\n`;
      send(exchange, entry, 206, fields + range, offset, length);
      break;
    }
    case "not-modified":
      send(exchange, entry, 304, fields, 0, 0);
      break;
    case "unsatisfiable":
      send(exchange, entry, 416, `${fields}Content-Range: bytes */${entry.size}\r\n`, 0, 0);
      break;
  }
}

function send<State>(
  exchange: Exchange<State>,
  entry: Entry,
  status: number,
  fields: string,
  offset: number,
  length: number,
): void {
  const bodyless = status === 204 || status === 304;
  const begin = () =>
    `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${fields}` +
    `${bodyless ? "" : `Content-Length: ${length}\r\n`}${exchange.startAnswer()}\r\n`;
  if (entry.path === undefined || length === 0) {
    const body = entry.body ?? new Uint8Array();
    exchange.write(begin(), Buffer.from(body.buffer, body.byteOffset + offset, length));
    exchange.end();
    return;
  }
  open(entry.path, "r", (error, descriptor) => {
    // It was replaced or removed a moment ago.
    if (error) {
      if (exchange.open) exchange.respond(504, MISS, "");
    } else if (exchange.open) {
      exchange.write(begin());
      exchange.writeFrom(new FileSource(exchange, descriptor, offset, length));
    } else close(descriptor);
  });
}
