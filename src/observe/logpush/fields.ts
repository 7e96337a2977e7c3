/** The dataset `workers_trace_events`: its fields, with what they are of (source: workers-semantics.md 6.6). */
export const DATASET = "workers_trace_events";

export type FieldType = "string" | "int" | "array" | "object";

export const fields = {
  CPUTimeMs: { type: "int", text: "CPU time in milliseconds; 0 as long as the runtime does not report it." },
  DispatchNamespace: { type: "string", text: "Always empty: there are no dispatch namespaces." },
  Entrypoint: { type: "string", text: "Name of the entrypoint class that was called; empty for the default one." },
  Event: { type: "object", text: "What was handled: request and response, cron expression, queue, method." },
  EventTimestampMs: { type: "int", text: "When it began, in milliseconds since 1970." },
  EventType: {
    type: "string",
    text: "fetch, scheduled, alarm, queue, email, worker_rpc, hibernatable_web_socket or tail.",
  },
  Exceptions: { type: "array", text: "Exceptions that were not caught: Name, Message, TimestampMs, Stack." },
  Logs: { type: "array", text: "What was written to the console: Level, Message, TimestampMs." },
  Outcome: { type: "string", text: "ok, exception, canceled, exceededCpu, exceededMemory, unknown." },
  ScriptName: { type: "string", text: "Name of the Worker; of a Pages project: pages-worker--<project>." },
  ScriptTags: { type: "array", text: "Tags of the Worker." },
  ScriptVersion: { type: "object", text: "Version that ran: id, message, tag." },
  WallTimeMs: { type: "int", text: "Milliseconds from its beginning to its end, waitUntil included." },
} as const satisfies Record<string, { type: FieldType; text: string }>;

export type FieldName = keyof typeof fields;

/** Of a job that names none. */
export const defaultFields: readonly FieldName[] = [
  "Event",
  "EventTimestampMs",
  "Outcome",
  "Exceptions",
  "Logs",
  "ScriptName",
];

export function isField(name: string): name is FieldName {
  return Object.hasOwn(fields, name);
}

export type LogRecord = Record<FieldName, unknown>;
