import { type Answer, prepare, type RequestTarget, type Site } from "./prepare.ts";

/** Answers kept per site and generation. Own: two generations take about 2 MB. */
const GENERATION = 1000;
/** Longer paths are answered but not kept. */
const MAX_KEY_CHARS = 512;

/**
 * Answers by path, so that a request for a known path costs one map look-up. Two generations: when the young one is
 * full it becomes the old one, and what is asked for again moves back. Paths that show nothing of their own are not kept:
 * there is no end of them.
 */
export class AnswerCache {
  readonly site: Site;
  readonly #byHost: boolean;
  #young = new Map<string, Answer>();
  #old = new Map<string, Answer>();

  constructor(site: Site) {
    this.site = site;
    this.#byHost = site.headers.hostSensitive || site.redirects.originSensitive;
  }

  get(target: RequestTarget): Answer {
    let key = target.path;
    if (this.#byHost) key = `${target.origin}${key}`;
    if (target.prefix !== "") key = `${target.prefix} ${key}`;
    const known = this.#find(key);
    if (known) return known;
    const answer = prepare(this.site, target);
    if (answer.own || answer.kind === "redirect") return key.length > MAX_KEY_CHARS ? answer : this.#keep(key, answer);
    if (this.site.headers.rules.length > 0) return answer;
    // Without header rules every path that shows the same page (or nothing) has the same answer.
    const shared = ` ${answer.kind === "asset" ? answer.hash : ""}`;
    return this.#find(shared) ?? this.#keep(shared, answer);
  }

  #find(key: string): Answer | undefined {
    const young = this.#young.get(key);
    if (young) return young;
    const old = this.#old.get(key);
    return old && this.#keep(key, old);
  }

  #keep(key: string, answer: Answer): Answer {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, answer);
    return answer;
  }
}
