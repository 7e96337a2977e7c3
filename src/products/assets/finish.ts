/**
 * Second step of the asset server: fits an answer to one request. Order: method, conditions, range, encoding.
 * Neither step reads or writes bytes of content; the caller does.
 */
import { entityTag, type Form, ifRangeHolds, matchingForm, parseRange } from "./conditional.ts";
import { type Body, bodiless, type Decision } from "./decision.ts";
import { chooseEncoding, ENCODINGS, type Variants } from "./encodings.ts";
import type { Header } from "./headers-file.ts";
import {
  type Answer,
  type AssetAnswer,
  DEFAULT_CACHE_CONTROL,
  prepare,
  type RequestTarget,
  type Site,
} from "./prepare.ts";

export interface RequestDetails {
  method: string;
  /** Empty or `?…`. */
  query: string;
  /** Value of a header by its lower-case name. */
  header: (name: string) => string | undefined;
}

/** Fits an answer to a request. */
export function finish(site: Site, answer: Answer, request: RequestDetails): Decision {
  const reads = request.method === "GET" || request.method === "HEAD";
  // Pages looks at the method first (pages-and-builds.md 13).
  if (answer.kind === "none" && (reads || site.mode === "workers")) return answer.decision;
  if (answer.kind === "none" || (!reads && !(answer.kind === "redirect" && answer.anyMethod)))
    return bodiless("method", 405, [["allow", "GET, HEAD"], ...headersWithoutContent(answer)]);
  if (answer.kind === "asset") return finishAsset(site, answer, request);
  const location = answer.location + (answer.keepQuery ? request.query : "") + answer.fragment;
  return bodiless("redirect", answer.status, [
    ["location", location],
    ...answer.headers.filter(([name]) => name !== "location"),
  ]);
}

function headersWithoutContent(answer: Answer): readonly Header[] {
  if (answer.kind === "none") return answer.decision.headers;
  return answer.kind === "asset" ? answer.bareHeaders : answer.headers;
}

const FORMS: readonly Form[] = ["identity", ...ENCODINGS];

function finishAsset(site: Site, answer: AssetAnswer, request: RequestDetails): Decision {
  const { hash, kept } = answer;
  const head = request.method === "HEAD";
  const range = head || answer.status !== 200 ? undefined : request.header("range");
  // Credentials and ranges get no permission to store (workers-semantics.md 2.5).
  const plain = range !== undefined || request.header("authorization") !== undefined;
  const variants = answer.negotiated ? site.variants(hash) : {};
  let form: Form | "none" = answer.negotiated
    ? chooseEncoding(request.header("accept-encoding"), variants)
    : "identity";
  if (form === "none") {
    // RFC 9110 12.5.3 leaves both open. Servers commonly send the plain form all the same; Pages does not.
    if (site.mode === "pages")
      return bodiless(
        "unacceptable",
        406,
        answer.headers.filter(([name]) => name === "vary"),
      );
    form = "identity";
  }

  const ifNoneMatch = answer.tagged && answer.status === 200 ? request.header("if-none-match") : undefined;
  const known = ifNoneMatch === undefined ? undefined : matchingForm(ifNoneMatch, hash, form);
  if (known !== undefined) {
    const slot = 8 + FORMS.indexOf(known);
    const decision = (plain ? undefined : kept[slot]) ?? notModified(answer, known, plain);
    if (!plain) kept[slot] = decision;
    return decision;
  }

  if (range !== undefined && ifRangeHolds(request.header("if-range"), entityTag(hash, "identity"))) {
    const wanted = parseRange(range, answer.size);
    if (wanted === "unsatisfiable") {
      return bodiless("range", 416, [["content-range", `bytes */${answer.size}`], ...answer.bareHeaders]);
    }
    if (wanted !== "whole") {
      const contentRange: Header = [
        "content-range",
        `bytes ${wanted.offset}-${wanted.offset + wanted.length - 1}/${answer.size}`,
      ];
      const body: Body = { hash, form: "identity", ...wanted };
      return {
        kind: "range",
        status: 206,
        headers: [...headersOf(answer, "identity", true), contentRange],
        length: wanted.length,
        body,
        wire: undefined,
      };
    }
  }

  const slot = 2 * FORMS.indexOf(form) + (head ? 1 : 0);
  const decision = (plain ? undefined : kept[slot]) ?? whole(answer, form, variants, head, plain);
  if (!plain) kept[slot] = decision;
  return decision;
}

function whole(answer: AssetAnswer, form: Form, variants: Variants, head: boolean, plain: boolean): Decision {
  const { hash, status } = answer;
  const length = form === "identity" ? answer.size : (variants[form] ?? 0);
  return {
    kind: status === 200 ? "asset" : "not-found",
    status,
    headers: headersOf(answer, form, plain),
    length,
    body: head ? undefined : { hash, form, offset: 0, length },
    wire: undefined,
  };
}

/** The tag is that of the form the client holds, so that its cache refreshes the right stored response. */
function notModified(answer: AssetAnswer, form: Form, plain: boolean): Decision {
  const headers = headersOf(answer, form, plain).filter(
    ([name]) => name !== "content-encoding" && name !== "accept-ranges",
  );
  return { kind: "not-modified", status: 304, headers, length: undefined, body: undefined, wire: undefined };
}

function headersOf(answer: AssetAnswer, form: Form, plain: boolean): Header[] {
  const tag = entityTag(answer.hash, "identity");
  const headers: Header[] = [];
  for (const header of answer.headers) {
    if (plain && header === DEFAULT_CACHE_CONTROL) continue;
    headers.push(
      answer.tagged && header[0] === "etag" && header[1] === tag ? ["etag", entityTag(answer.hash, form)] : header,
    );
  }
  if (form !== "identity") headers.push(["content-encoding", form]);
  else if (answer.status === 200 && !headers.some(([name]) => name === "accept-ranges"))
    headers.push(["accept-ranges", "bytes"]);
  return headers;
}

/** Both steps, for callers that keep no answers. */
export function serve(site: Site, target: RequestTarget, request: RequestDetails): Decision {
  return finish(site, prepare(site, target), request);
}
