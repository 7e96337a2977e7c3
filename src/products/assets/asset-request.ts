import type { RequestHead } from "../../lib/http/request-head.ts";
import type { RequestDetails } from "./finish.ts";
import type { RequestTarget } from "./prepare.ts";

/** Header fields that decide how assets answer. Servers that serve assets register them with their `HeaderNames`. */
export const assetHeaderNames = [
  "accept-encoding",
  "authorization",
  "if-none-match",
  "if-range",
  "range",
  "sec-fetch-dest",
  "sec-fetch-mode",
  "via",
] as const;

/** A request for an asset. */
export interface AssetRequest extends RequestDetails {
  readonly target: RequestTarget;
  /** Path and query as sent. */
  readonly rawTarget: string;
  readonly httpVersion: "1.0" | "1.1";
}

/** Reads from the head of the request in progress: one object for all requests of a server, good until the next. */
export class LiveRequest implements AssetRequest {
  method = "";
  query = "";
  rawTarget = "";
  httpVersion: "1.0" | "1.1" = "1.1";
  readonly target: RequestTarget = { origin: "", hostname: "", path: "", prefix: "" };
  #head: RequestHead | undefined;

  /** Ids by name are found in the head's own table. */
  readonly header = (name: string): string | undefined => {
    const head = this.#head;
    if (!head) return undefined;
    return head.get(this.#ids.get(name) ?? 0);
  };
  readonly #ids: Map<string, number>;

  constructor(names: { id(name: string): number }) {
    this.#ids = new Map(assetHeaderNames.map((name) => [name, names.id(name)]));
  }

  /** Makes it the request with this head. */
  read(head: RequestHead, rawTarget: string, query: string): void {
    this.#head = head;
    this.method = head.method;
    this.query = query;
    this.rawTarget = rawTarget;
    this.httpVersion = head.minor === 1 ? "1.1" : "1.0";
  }

  /** A copy that outlives the head. */
  keep(): AssetRequest {
    const { method, query, rawTarget, httpVersion } = this;
    const values = new Map(assetHeaderNames.map((name) => [name as string, this.header(name)]));
    return {
      method,
      query,
      rawTarget,
      httpVersion,
      target: { ...this.target },
      header: (name) => values.get(name),
    };
  }
}
