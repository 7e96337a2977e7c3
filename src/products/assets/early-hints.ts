/**
 * Early Hints (pages-and-builds.md 16): which `Link` values a 103 may carry, and which requests may get one.
 * Links come from headers (here) and from HTML (`html-links.ts`).
 */
import { boundedLinks, HINT_RELS } from "./html-links.ts";
import { MAX_HINT_CHARS } from "./limits.ts";

/**
 * The values of a `Link` header that a 103 may carry: those with rel preload, preconnect or modulepreload. Use it on
 * what `_headers` sets and on what a Worker answered.
 */
export function hintLinks(header: string): string[] {
  if (header.length > 4 * MAX_HINT_CHARS) return [];
  const links = splitLinks(header).filter((link) => {
    const rel = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(link);
    return (
      /^<[^<>\s]+>/.test(link) &&
      (rel?.[1] ?? rel?.[2] ?? "")
        .toLowerCase()
        .split(/\s+/)
        .some((one) => HINT_RELS.has(one))
    );
  });
  return boundedLinks(links);
}

/** Splits at commas outside of `<…>` and quotes. */
function splitLinks(header: string): string[] {
  const links: string[] = [];
  let from = 0;
  let closing = "";
  for (let i = 0; i < header.length; i++) {
    const character = header[i] ?? "";
    if (closing) {
      if (character === "\\" && closing === '"') i++;
      else if (character === closing) closing = "";
    } else if (character === "<") closing = ">";
    else if (character === '"') closing = '"';
    else if (character === ",") {
      links.push(header.slice(from, i).trim());
      from = i + 1;
    }
  }
  links.push(header.slice(from).trim());
  return links.filter((link) => link !== "");
}

export interface HintRequest {
  method: string;
  /** Of the client's connection: `1.1`, `2.0`… */
  httpVersion: string;
  path: string;
  header: (name: string) => string | undefined;
}

/**
 * Whether the client may get a 103: a browser that is navigating. On HTTP/1.1 a client or proxy that does not know
 * 103 takes it for the answer (RFC 8297 3), so there it must come from a browser that says where its requests lead
 * and through no proxy that announces itself.
 */
export function mayGetHints(request: HintRequest): boolean {
  if (request.method !== "GET" || request.httpVersion === "1.0" || request.httpVersion === "0.9") return false;
  if (request.header("sec-fetch-mode") !== "navigate" || !isPagePath(request.path)) return false;
  if (request.header("range") !== undefined) return false;
  const old = request.httpVersion === "1.1";
  return !old || (request.header("sec-fetch-dest") === "document" && request.header("via") === undefined);
}

/** Whether the links of a response are worth keeping for the next request of its path. */
export function feedsHints(method: string, status: number, path: string): boolean {
  return method === "GET" && (status === 200 || status === 301 || status === 302) && isPagePath(path);
}

/** Paths of pages: no extension, or one of pages. */
function isPagePath(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return !name.includes(".") || /\.(?:html?|php)$/i.test(name);
}

/** Links of responses by URL, for the next request. Bounded: the least recently used go first. */
export class HintCache {
  readonly #entries = new Map<string, string[]>();
  readonly #size: number;

  constructor(size = 2000) {
    this.#size = size;
  }

  get(key: string): string[] | undefined {
    const links = this.#entries.get(key);
    if (links) {
      this.#entries.delete(key);
      this.#entries.set(key, links);
    }
    return links;
  }

  /** `key` names version, host and path without query. Without links the key is forgotten. */
  set(key: string, links: string[]): void {
    this.#entries.delete(key);
    if (links.length === 0 || key.length > MAX_HINT_CHARS) return;
    this.#entries.set(key, links);
    if (this.#entries.size > this.#size) {
      const oldest = this.#entries.keys().next().value;
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
  }
}
