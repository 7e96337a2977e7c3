// @ts-check
/** An instance's events, as the bundled engine logs them, made into the steps that clients show. */
import { plain, sizeOf } from "./values.js";

/** Of one output, and of all in one history; the rest is left out. */
const MAX_OUTPUT_BYTES = 256 * 1024;
const MAX_OUTPUTS_BYTES = 8 * 1024 * 1024;

/** Steps of one history; later ones are left out. */
const MAX_STEPS = 10_000;

const CUT_OFF = {
  name: "WorkflowInternalError",
  message: "The process ended during the attempt, which is made again.",
};

const TRUNCATED = "[truncated output]";

/** @param {number | undefined} ms */
const iso = (ms) => (ms === undefined ? null : new Date(ms).toISOString());

/**
 * @param {Iterable<[string, any]>} events In order.
 * @param {(key: string) => any} record Reads a step's record.
 */
export function historyOf(events, record) {
  /** @type {Record<string, number>} */
  const times = {};
  /** @type {Map<string, any>} */
  const steps = new Map();
  let left = MAX_OUTPUTS_BYTES;
  /** @param {unknown} value */
  const output = (value) => {
    const size = sizeOf(value, MAX_OUTPUT_BYTES);
    if (size > MAX_OUTPUT_BYTES || size > left) return TRUNCATED;
    left -= size;
    return plain(value);
  };

  for (const [, event] of events) {
    const { type, timestamp, stepName } = event;
    const at = iso(timestamp);
    if (type === "workflow_queued") times.queued = timestamp;
    if (type === "workflow_started") times.start ??= timestamp;
    if (["workflow_completed", "workflow_errored", "workflow_terminated"].includes(type)) times.end = timestamp;
    if (type === "workflow_terminated") steps.set(" termination", { type: "termination", trigger: { source: "api" } });
    if (stepName === undefined) continue;

    // A sleep, a wait and a step may have one name.
    const kind = type.startsWith("sleep_") ? "sleep" : type.startsWith("wait_") ? "waitForEvent" : "step";
    const key = `${kind}:${stepName}`;
    if (!steps.has(key)) {
      if (steps.size >= MAX_STEPS || !type.endsWith("_started")) continue;
      steps.set(key, { ...begun(kind, event), name: stepName, start: at });
      if (type !== "attempt_started") continue;
    }
    const step = steps.get(key);
    const attempt = step.attempts?.at(-1);
    // The end of its process cut it off in good order, of which the engine keeps no event.
    if (type === "attempt_started" && attempt?.end === null)
      Object.assign(attempt, { end: at, success: false, error: CUT_OFF });
    if (type === "attempt_started") step.attempts.push({ start: at, end: null, success: null, error: null });
    if (type === "attempt_completed" && attempt) Object.assign(attempt, { end: at, success: true });
    if (type === "attempt_errored" && attempt)
      Object.assign(attempt, { end: at, success: false, error: event.error ?? null });
    if (type === "step_completed")
      Object.assign(step, { end: at, success: true, output: output(event.output ?? null) });
    if (type === "step_errored") Object.assign(step, { end: at, success: false });
    if (type === "sleep_completed") Object.assign(step, { end: at, finished: true });
    if (type === "wait_completed") {
      const payload = record(recordKey("waitForEvent", stepName))?.value?.payload;
      Object.assign(step, { end: at, finished: true, output: output(payload ?? null) });
    }
    if (type === "wait_timed_out") {
      const error = record(recordKey("waitForEvent", stepName))?.error ?? null;
      Object.assign(step, { end: at, finished: true, error });
    }
  }
  const list = [...steps.values()];
  return {
    queued: iso(times.queued),
    start: iso(times.start),
    end: iso(times.end),
    step_count: list.filter((step) => step.type !== "termination").length,
    steps: list,
  };
}

/**
 * @param {string} type
 * @param {any} event
 */
function begun(type, event) {
  if (type === "step") return { type, end: null, attempts: [], config: event.config, output: null, success: null };
  if (type === "sleep") return { type, end: null, finished: false, error: null };
  return { type, end: null, finished: false, error: null, output: null };
}

/**
 * @param {string} type
 * @param {string} stepName Name and number, as in events.
 */
function recordKey(type, stepName) {
  const dash = stepName.lastIndexOf("-");
  return `s:${type}:${stepName.slice(dash + 1)}:${stepName.slice(0, dash)}`;
}
