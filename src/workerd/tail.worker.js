// @ts-check
/**
 * Beside the code of a version that is traced: the runtime tells it of each invocation once that is over, and it sends
 * what it is told to the platform. While one report is on its way the next ones wait here, so that a burst
 * of requests makes few reports; what does not find room is counted. Nobody waits for any of this.
 */

/** Bounds of one report; of an item; and of what waits. Characters have up to three bytes. */
const MAX_REPORT_CHARS = 1024 * 1024;
const MAX_REPORT_ITEMS = 500;
const MAX_WAITING_CHARS = 4 * 1024 * 1024;
/** Under load reports come so far apart, and are the larger. */
const GATHER_MS = 20;
/** The platform may be restarting: a report is tried again for so long, after such pauses. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 250;
/** A sender that has not moved for so long was cut off by the runtime: another takes its place. */
const STALLED_MS = 2 * PATIENCE_MS;
/** How often a drain looks whether it has come to its end. */
const DRAIN_LOOK_MS = 5;
const REDACTED = "REDACTED";

/** @type {string[]} */
const waiting = [];
let waitingChars = 0;
let dropped = 0;
/** Which invocation of this Worker sends; the others leave their items to it. */
let sender = 0;
let moving = false;
let movedAt = 0;

export default {
  /**
   * @param {any[]} items
   * @param {{ INTAKE: { fetch: typeof fetch } }} env
   */
  async tail(items, { INTAKE }) {
    const now = Date.now();
    for (const item of items) keep(itemText(item, now));
    if (moving && now - movedAt < STALLED_MS) return;
    moving = true;
    const self = ++sender;
    while (sender === self && waiting.length > 0) {
      await send(INTAKE, takeReport());
      // Under load a report of many costs little more than one of few.
      if (waiting.length > 0 && waiting.length < MAX_REPORT_ITEMS) await scheduler.wait(GATHER_MS);
    }
    if (sender === self) moving = false;
  },

  /** The platform asks before it ends this process: answers once everything is delivered. */
  async fetch() {
    // The runtime tells of an invocation a moment after its response.
    do await scheduler.wait(DRAIN_LOOK_MS);
    while (moving || waiting.length > 0);
    return new Response(null, { status: 204 });
  },
};

/** @param {string | undefined} text */
function keep(text) {
  if (text === undefined || waitingChars + text.length > MAX_WAITING_CHARS) dropped++;
  else {
    waiting.push(text);
    waitingChars += text.length;
  }
}

function takeReport() {
  let chars = 0;
  let count = 0;
  while (count < waiting.length && count < MAX_REPORT_ITEMS) {
    const { length } = waiting[count] ?? "";
    if (count > 0 && chars + length > MAX_REPORT_CHARS) break;
    chars += length;
    count++;
  }
  waitingChars -= chars;
  const body = `[${waiting.splice(0, count).join(",")}]`;
  return { body, count };
}

/**
 * @param {{ fetch: typeof fetch }} intake
 * @param {{ body: string, count: number }} report
 */
async function send(intake, { body, count }) {
  const startedAt = Date.now();
  for (;;) {
    movedAt = Date.now();
    const missing = dropped;
    try {
      const answer = await intake.fetch("http://intake/", {
        method: "POST",
        headers: { "freehold-dropped": String(missing) },
        body,
      });
      await answer.arrayBuffer();
      // The runners of this account together report more than is taken.
      if (answer.status === 429) dropped += count;
      else dropped -= missing;
      return;
    } catch {
      if (Date.now() - startedAt > PATIENCE_MS) {
        dropped += count;
        return;
      }
    }
    await scheduler.wait(PAUSE_MS);
  }
}

/**
 * The item in JSON, with the time it took and what the runtime left out of its request. Undefined when it is too large, which
 * it cannot be as long as the runtime keeps no more than 256 KB of an invocation.
 * @param {any} item
 * @param {number} now
 */
function itemText(item, now) {
  const wallTime = item.eventTimestamp === null ? 0 : now - item.eventTimestamp;
  const text = JSON.stringify({ ...item, wallTime, unredacted: unredacted(item.event?.request) });
  return text.length <= MAX_REPORT_CHARS ? text : undefined;
}

/** @param {any} request */
function unredacted(request) {
  if (typeof request?.getUnredacted !== "function") return undefined;
  const { url, headers } = request;
  const original = request.getUnredacted();
  const hidden = Object.keys(headers).filter((name) => headers[name] === REDACTED);
  if (url === original.url && hidden.length === 0) return undefined;
  const values = original.headers;
  return {
    ...(url !== original.url && { url: original.url }),
    ...(hidden.length > 0 && { headers: Object.fromEntries(hidden.map((name) => [name, values[name]])) }),
  };
}
