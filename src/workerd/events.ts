import type { LaunchRecord } from "../domain/version.ts";
import type { Service } from "./config.ts";
import { runtimeText } from "./runtime-text.ts";

/** Name of the service through which the platform calls a version's event handlers. */
export const EVENTS_SERVICE = "events";

/** Longest time of an event: that of Cron Triggers and queue consumers. Source: workers-semantics.md, limits. */
export const MAX_EVENT_MS = 15 * 60_000;

/** Handlers of the default entrypoint that need it: no protocol between processes carries their events (measured). */
const EVENT_HANDLERS: readonly string[] = ["scheduled", "queue", "tail", "trace"];

/** Name under which the entry of a version with a `tail()` handler exports what calls it (`tail-handler.worker.js`). */
export const TAIL_ENTRYPOINT = "freeholdTail";

/**
 * Whether the version handles such events. Versions that do not are spared the isolate: 2 MB of private memory (10.9
 * against 8.9 MB) and 1.4 times the CPU of a start (measured, 30 starts each in turn).
 */
export function takesEvents(record: Pick<LaunchRecord, "exports">): boolean {
  return handles(record, EVENT_HANDLERS);
}

/** Whether the version can be a Tail Worker: `trace` is the name that the handler had at first. Scripts of the old format cannot. */
export function takesTraces(record: Pick<LaunchRecord, "exports" | "format">): boolean {
  return record.format === "modules" && handles(record, ["tail", "trace"]);
}

function handles({ exports }: Pick<LaunchRecord, "exports">, names: readonly string[]): boolean {
  return exports.some(
    ({ name, handlers }) => name === "default" && handlers.some((handler) => names.includes(handler)),
  );
}

/** A worker of ours beside the version's code, which is the service `user`. */
export function eventsService(user: string, record: LaunchRecord): Service {
  const tail = takesTraces(record);
  return {
    name: EVENTS_SERVICE,
    worker: {
      modules: [{ name: "events.js", esModule: runtimeText("events") }],
      compatibilityDate: "2026-11-01",
      compatibilityFlags: ["service_binding_extra_handlers"],
      bindings: [
        { name: "USER", service: user },
        ...(tail ? [{ name: "TAIL", service: { name: user, entrypoint: TAIL_ENTRYPOINT } }] : []),
      ],
    },
  };
}
