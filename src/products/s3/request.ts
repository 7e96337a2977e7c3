import type { StorageHost } from "../../domain/storage-host.ts";
import type { Exchange } from "../../lib/http/exchange.ts";
import { BodyLost, requestBody } from "../../lib/http/exchange-body.ts";
import type { RequestHead } from "../../lib/http/request-head.ts";
import { S3Error } from "./errors.ts";
import type { SignedRequest } from "./signature.ts";
import { decodePath, parseQuery, type QueryParameter } from "./uri.ts";

/** What of an exchange a request needs. */
export type RequestExchange = Pick<Exchange<unknown>, "open" | "streamBody" | "resumeBody" | "announcedBytes">;

/** A request to the S3 API, as far as it can be understood without knowing who makes it. */
export class S3Request implements SignedRequest {
  readonly method: string;
  readonly rawPath: string;
  readonly query: readonly QueryParameter[];
  readonly headers: ReadonlyMap<string, string>;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  /** Of the account that the host names. */
  readonly accountId: string | undefined;
  /** Scheme and host as the client knows them. */
  readonly origin: string;
  readonly #exchange: RequestExchange;
  readonly #bucketInHost: boolean;

  /** Throws {@link S3Error} when the URI is nonsense. `head` is not used afterwards. */
  constructor(exchange: RequestExchange, head: RequestHead, host: StorageHost & { kind: "s3" }) {
    const { target } = head;
    const question = target.indexOf("?");
    this.#exchange = exchange;
    this.method = head.method;
    this.headers = head.fields();
    this.rawPath = question < 0 ? target : target.slice(0, question);
    this.query = parseQuery(question < 0 ? "" : target.slice(question + 1));
    this.accountId = host.accountId;
    this.#bucketInHost = host.bucket !== undefined;
    this.origin = `${this.headers.get("x-forwarded-proto") === "https" ? "https" : "http"}://${head.host}`;
    const path = this.rawPath.slice(1);
    const slash = host.bucket === undefined ? path.indexOf("/") : -1;
    const bucket = host.bucket ?? decodePath(slash < 0 ? path : path.slice(0, slash));
    const key = host.bucket !== undefined ? path : slash < 0 ? "" : path.slice(slash + 1);
    this.bucket = bucket === "" ? undefined : bucket;
    this.key = key === "" ? undefined : decodePath(key);
  }

  /** A header, as text of one character for each byte. */
  header(name: string): string | undefined {
    return this.headers.get(name);
  }

  /** A query parameter. */
  param(name: string): string | undefined {
    return this.query.find((parameter) => parameter.name === name)?.value;
  }

  /** A whole number in the query. */
  wholeNumber(name: string, fallback: number): number {
    const text = this.param(name);
    if (text === undefined || text === "") return fallback;
    if (!/^\d{1,9}$/.test(text)) throw new S3Error("InvalidArgument", `${name} must be a whole number.`);
    return Number(text);
  }

  /** Where an object of the bucket is, on this host; not encoded. */
  pathOfKey(key: string): string {
    return this.#bucketInHost ? `/${key}` : `/${this.bucket}/${key}`;
  }

  /** `Content-Length`; undefined for a body in chunks, whose length nobody knows. */
  get contentLength(): number | undefined {
    const { announcedBytes } = this.#exchange;
    return announcedBytes < 0 ? undefined : announcedBytes;
  }

  /** The body as it comes over the wire; once. */
  async *body(maxBytes: number): AsyncGenerator<Buffer, void> {
    try {
      yield* requestBody(this.#exchange as Exchange<unknown>, maxBytes);
    } catch (error) {
      throw error instanceof BodyLost ? new S3Error("IncompleteBody") : error;
    }
  }
}
