import type { RequestHead } from "../lib/http/request-head.ts";
import type { ResponseHead } from "../lib/http/response-head.ts";
import { feedsHints, HintCache, hintLinks, mayGetHints } from "../products/assets/early-hints.ts";
import { headerNames } from "./headers.ts";

const ids = new Map(["range", "sec-fetch-dest", "sec-fetch-mode", "via"].map((name) => [name, headerNames.id(name)]));
const linkId = headerNames.id("link");

/** Early Hints for what Workers answer: the links of one response go ahead of the next one for the same path. */
export class WorkerHints {
  readonly #cache = new HintCache();

  /** Where the links of this request's answer are kept; "" when they are not. */
  key(head: RequestHead, versionId: string): string {
    if (head.method !== "GET") return "";
    return `${versionId} ${head.host}${pathOf(head)}`;
  }

  /** The interim response for a request, or "". */
  interim(head: RequestHead, key: string): string {
    const links = key === "" ? undefined : this.#cache.get(key);
    if (!links) return "";
    const header = (name: string) => head.get(ids.get(name) ?? 0);
    const httpVersion = head.minor === 1 ? "1.1" : "1.0";
    if (!mayGetHints({ method: head.method, httpVersion, path: pathOf(head), header })) return "";
    return `HTTP/1.1 103 Early Hints\r\nlink: ${links.join(", ")}\r\n\r\n`;
  }

  /** Learns from an answer. */
  learn(key: string, head: ResponseHead): void {
    let index = head.indexOf(linkId);
    if (key === "" || index < 0) return;
    const path = key.slice(key.indexOf("/"));
    if (!feedsHints("GET", head.status, path)) return;
    const links: string[] = [];
    for (; index >= 0; index = head.indexOf(linkId, index + 1)) links.push(...hintLinks(head.value(index)));
    this.#cache.set(key, links);
  }
}

function pathOf(head: RequestHead): string {
  const { target } = head;
  const question = target.indexOf("?");
  return question < 0 ? target : target.slice(0, question);
}
