// @ts-check
/** The rate limiting binding, in the isolate of the Worker. The runtime has none of its own. */

/** @typedef {{ fetcher: { fetch(url: string, init: RequestInit): Promise<Response> }, limit: number, period: number }} Settings */

const PERIODS = [10, 60];
const MAX_WEIGHT = 0xffff_ffff;
const OPTIONS = ["key", "limit", "period", "delta"];

/** A counter that has not answered by then is as good as none. */
const TIMEOUT_MS = 2000;
/** How often it is said that none answers. */
const WARNING_MS = 10_000;
let warnedAtMs = 0;

class RateLimit {
  /** @type {Settings} */
  #settings;

  /** @param {Settings} settings */
  constructor(settings) {
    this.#settings = settings;
  }

  /**
   * @param {unknown} options
   * @returns {Promise<{ success: boolean }>}
   */
  async limit(options) {
    const { key, limit, period, weight } = readOptions(options, this.#settings);
    const status = await ask(this.#settings.fetcher, `http://rate-limit/${period}/${limit}/${weight}`, key);
    if (status === 413) throw new RangeError("The rate limit key is too long: it may have 16 KiB.");
    return { success: status !== 429 };
  }
}

/**
 * @param {unknown} options
 * @param {Settings} settings
 */
function readOptions(options, settings) {
  if (typeof options !== "object" || options === null) throw new TypeError("limit() takes an object such as { key }.");
  const unknown = Object.keys(options).filter((name) => !OPTIONS.includes(name));
  if (unknown.length > 0) throw new TypeError(`limit() has no option ${unknown.join(", ")}.`);
  const { key = "", limit = settings.limit, period = settings.period, delta = 1 } = /** @type {any} */ (options);
  if (typeof key !== "string") throw new TypeError("The rate limit key must be a string.");
  if (typeof limit !== "number" || !(limit >= 0)) throw new TypeError("The rate limit must be a number from 0.");
  if (!PERIODS.includes(period)) throw new TypeError("The period of a rate limit is 10 or 60 seconds.");
  const weight = Math.trunc(Number(delta));
  if (!(weight >= 1 && weight <= MAX_WEIGHT)) throw new RangeError("delta must be a number from 1.");
  return { key, limit: Math.min(Math.ceil(limit), MAX_WEIGHT), period, weight };
}

/**
 * Resolves with the status of the answer. Without counters nothing is limited: a limit protects from too much, and
 * losing it for a moment does less harm than refusing everybody.
 *
 * @param {Settings["fetcher"]} fetcher
 * @param {string} url
 * @param {string} key
 */
async function ask(fetcher, url, key) {
  try {
    const { status } = await fetcher.fetch(url, { method: "POST", body: key, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return status;
  } catch (error) {
    // A mistake of the program: I/O is for handlers.
    if (error instanceof Error && error.message.includes("global scope")) throw error;
    const nowMs = Date.now();
    if (nowMs - warnedAtMs >= WARNING_MS) {
      warnedAtMs = nowMs;
      console.warn("Rate limiting is not available for the moment: calls are not limited.");
    }
    return 204;
  }
}

/** @param {Settings} settings */
export default (settings) => new RateLimit(settings);
