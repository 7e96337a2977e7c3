import type { RequestHead } from "../lib/http/request-head.ts";
import type { ResponseHead } from "../lib/http/response-head.ts";
import { feedsHints, HintCache, hintLinks, mayGetHints } from "../products/assets/early-hints.ts";
import { headerNames } from "./headers.ts";

const ids = new Map(["range", "sec-fetch-dest", "sec-fetch-mode", "via"].map((name) => [name, headerNames.id(name)]));
const modeId = headerNames.id("sec-fetch-mode");
const linkId = headerNames.id("link");

/** Early Hints for what Workers answer: the links of one response go ahead of the next one for the same path. */
export class WorkerHints {
  readonly #cache = new HintCache();

  /** Where the links of this request's answer are kept; "" for requests that no page is asked with. */
  key(head: RequestHead, versionId: string): string {
    // Most requests are no navigations, and cost no more than this look.
    if (head.indexOf(modeId) < 0) return "";
    const header = (name: string) => head.get(ids.get(name) ?? 0);
    const httpVersion = head.minor === 1 ? "1.1" : "1.0";
    const path = pathOf(head);
    if (!mayGetHints({ method: head.method, httpVersion, path, header })) return "";
    return `${versionId} ${head.host}${path}`;
  }

  /** The interim response for a request with this key, or "". */
  interim(key: string): string {
    const links = key === "" ? undefined : this.#cache.get(key);
    return links ? `HTTP/1.1 103 Early Hints\r\nlink: ${links.join(", ")}\r\n\r\n` : "";
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
