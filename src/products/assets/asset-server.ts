import type { Exchange } from "../../lib/http/exchange.ts";
import type { RequestHead } from "../../lib/http/request-head.ts";
import { type AssetRequest, LiveRequest } from "./asset-request.ts";
import { ContentNotRead } from "./contents.ts";
import { bodiless, type Decision } from "./decision.ts";
import { earlyHints } from "./early-hints-text.ts";
import { finish } from "./finish.ts";
import { findAnswer, type OpenSite, type OpenSites } from "./open-sites.ts";
import { parseTarget, type Target } from "./path.ts";
import type { Answer } from "./prepare.ts";
import { hidesCdnCgi, route } from "./route.ts";
import { sendDecision } from "./send.ts";

/** `answered`: the answer is out or on its way. `worker`: the Worker behind the assets is to answer. */
export type Outcome = "answered" | "worker";

/** Which files may answer a request. */
export interface SiteChoice {
  /** Key of the site's record. */
  site: string;
  /** Those of earlier versions, newest first. */
  retained: readonly string[];
  /** As in `RequestTarget`. */
  prefix: string;
  /** When the files answer as if there were no Worker; absent: never. `site`: if the site fails open. */
  alone?: "site" | "always" | undefined;
}

export interface AssetServerOptions<State> {
  sites: OpenSites;
  names: { id(name: string): number };
  /** Field lines of an answer, such as its date. */
  lines(state: State): string;
  /** Assets that should be there cannot be read: refuses the request. */
  lost(exchange: Exchange<State>, error: unknown): void;
  /** What answers when assets are all there is, as for `env.ASSETS`: never the Worker, no Early Hints. */
  only?: boolean;
}

/** Contents that one answer may have to read: one for each version that is asked, and one for its form. */
const MAX_READS = 24;
/** Targets whose parsed form is remembered: a megabyte at most. */
const REMEMBERED_TARGETS = 4000;
const MAX_REMEMBERED_CHARS = 128;

/** Answers requests with static assets: at once when all it needs is in memory. */
export class AssetServer<State> {
  readonly #options: AssetServerOptions<State>;
  readonly #live: LiveRequest;
  readonly #targets = new Map<string, Target>();

  constructor(options: AssetServerOptions<State>) {
    this.#options = options;
    this.#live = new LiveRequest(options.names);
  }

  /** `origin` is scheme and host as sent, `hostname` the host alone in lower case. The promise never rejects. */
  serve(
    exchange: Exchange<State>,
    head: RequestHead,
    choice: SiteChoice,
    origin: string,
    hostname: string,
  ): Outcome | Promise<Outcome> {
    const request = this.#live;
    const rawTarget = head.target;
    const parsed = this.#parse(rawTarget);
    request.read(head, rawTarget, parsed?.query ?? "");
    request.target.origin = origin;
    request.target.hostname = hostname;
    request.target.path = parsed?.path ?? "";
    request.target.prefix = choice.prefix;
    const current = this.#options.sites.get(choice.site);
    const earlier = this.#open(choice.retained);
    if (!current || !earlier) return this.#later(exchange, request.keep(), choice);
    try {
      return this.#answer(exchange, request, current, earlier, choice.alone);
    } catch (error) {
      if (!(error instanceof ContentNotRead)) throw error;
      return this.#later(exchange, request.keep(), choice);
    }
  }

  /** `parseTarget`, remembered. What it gives for a known target is the same text each time, whose hash is known too. */
  #parse(target: string): Target | undefined {
    const known = this.#targets.get(target);
    if (known) return known;
    const parsed = parseTarget(target);
    if (parsed && parsed.query === "" && target.length <= MAX_REMEMBERED_CHARS) {
      if (this.#targets.size >= REMEMBERED_TARGETS) this.#targets.clear();
      this.#targets.set(target, parsed);
    }
    return parsed;
  }

  /** Reads what the answer needs and is not in memory, one thing after the other, then answers. */
  async #later(exchange: Exchange<State>, request: AssetRequest, choice: SiteChoice): Promise<Outcome> {
    try {
      const { sites } = this.#options;
      const { site, retained, alone } = choice;
      const current = await sites.open(site);
      // An earlier version that cannot be read must not take the present one down.
      const opened = await Promise.all(retained.map((key) => sites.open(key).catch(() => undefined)));
      const earlier = opened.filter((one) => one !== undefined);
      for (let reads = 0; ; reads++) {
        try {
          return this.#answer(exchange, request, current, earlier, alone);
        } catch (error) {
          if (!(error instanceof ContentNotRead) || reads === MAX_READS) throw error;
          await current.contents.open(error.hash, error.html);
        }
      }
    } catch (error) {
      this.#options.lost(exchange, error);
      return "answered";
    }
  }

  /** Throws {@link ContentNotRead}. */
  #answer(
    exchange: Exchange<State>,
    request: AssetRequest,
    current: OpenSite,
    earlier: readonly OpenSite[],
    alone: SiteChoice["alone"],
  ): Outcome {
    const { target } = request;
    const options = this.#options;
    let answer: Answer | undefined;
    const found = (): Answer => {
      answer ??= findAnswer(current, earlier, target);
      return answer;
    };
    let decision: Decision;
    let interim = "";
    if (target.path === "") decision = notFound;
    else if (options.only) decision = finish(current.site, found(), request);
    else if (hidesCdnCgi(request.rawTarget, target.path)) decision = toPlainPath(target.path + request.query);
    else {
      const isAlone = alone !== undefined && (alone === "always" || current.failsOpen);
      if (!isAlone && route(current.routing, target.path, request.header("sec-fetch-mode"), found) === "worker")
        return "worker";
      const shown = found();
      decision = finish(current.site, shown, request);
      if (shown.kind === "asset" && decision.body) interim = earlyHints(request, shown.hints);
    }
    sendDecision(exchange, decision, {
      contents: current.contents,
      lines: options.lines(exchange.state),
      interim,
      lost: () => options.lost(exchange, `the content ${decision.body?.hash} cannot be read`),
    });
    return "answered";
  }

  #open(keys: readonly string[]): readonly OpenSite[] | undefined {
    if (keys.length === 0) return none;
    const open: OpenSite[] = [];
    for (const key of keys) {
      const site = this.#options.sites.get(key);
      if (!site) return undefined;
      open.push(site);
    }
    return open;
  }
}

const none: readonly OpenSite[] = [];
const notFound = bodiless("not-found", 404, []);

/** The guard of the original's router (workers-semantics.md 2.2). */
function toPlainPath(location: string): Decision {
  return bodiless("redirect", 307, [["location", location]]);
}
