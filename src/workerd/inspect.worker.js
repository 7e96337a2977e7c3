// @ts-check
/** Looks at a version's entry module and answers any request with what it exports. */
import { DurableObject, WorkerEntrypoint, WorkflowEntrypoint } from "cloudflare:workers";

const EVENTS = [
  "fetch",
  "scheduled",
  "queue",
  "email",
  "tail",
  "trace",
  "tailStream",
  "connect",
  "alarm",
  "webSocketMessage",
  "webSocketClose",
  "webSocketError",
];

const CLASSES = /** @type {const} */ ([
  ["worker-entrypoint", WorkerEntrypoint],
  ["durable-object", DurableObject],
  ["workflow", WorkflowEntrypoint],
]);

/** @param {Record<string, unknown>} exported Namespace of the entry module. */
export function inspector(exported) {
  return {
    fetch() {
      return Response.json({ exports: Object.keys(exported).map((name) => describe(name, exported[name])) });
    },
  };
}

/**
 * @param {string} name
 * @param {any} value
 */
function describe(name, value) {
  try {
    if (typeof value === "function") {
      return { name, kind: kindOf(value.prototype), handlers: handlersOf(value.prototype) };
    }
    if (typeof value === "object" && value !== null) return { name, kind: "object", handlers: handlersOf(value) };
  } catch {
    // A proxy or getter of the user that throws: nothing can be said about it.
  }
  return { name, kind: "other", handlers: [] };
}

/** @param {unknown} prototype */
function kindOf(prototype) {
  return CLASSES.find(([, base]) => prototype instanceof base)?.[0] ?? "other";
}

/** @param {any} target */
function handlersOf(target) {
  return target ? EVENTS.filter((event) => typeof target[event] === "function") : [];
}
