import type { TraceItem, TraceSource } from "../domain/trace.ts";

/** An invocation in the words that Tail Workers and clients know, with whose it was. */
export function traceMessage({ script, versionId, versionTag }: TraceSource, item: TraceItem): Record<string, unknown> {
  return {
    wallTime: item.wallTime,
    cpuTime: item.cpuTime,
    truncated: item.truncated,
    executionModel: item.executionModel,
    outcome: item.outcome,
    scriptName: script,
    scriptVersion: { id: versionId, ...(versionTag !== "" && { tag: versionTag }) },
    entrypoint: item.entrypoint,
    durableObjectId: item.durableObjectId,
    diagnosticsChannelEvents: item.diagnosticsChannelEvents,
    exceptions: item.exceptions,
    logs: item.logs,
    eventTimestamp: item.eventTimestamp,
    event: item.event,
  };
}
