import { type TraceException, type TraceItem, type TraceLog, UNREDACTED, type Unredacted } from "../domain/trace.ts";
import { isObject } from "../lib/is-object.ts";
import { TAIL_ENTRYPOINT } from "../workerd/events.ts";

const levels: readonly string[] = ["debug", "info", "log", "warn", "error"];
const models: readonly string[] = ["stateless", "durableObject", "workflow"];

/**
 * Reads a runner's report: a list of items in JSON. What does not look like one is left out: the process runs
 * code of tenants. Undefined when it is no list at all.
 */
export function readReport(body: Buffer): TraceItem[] | undefined {
  let report: unknown;
  try {
    report = JSON.parse(body.toString());
  } catch {
    return undefined;
  }
  return Array.isArray(report) ? report.flatMap((value) => readItem(value) ?? []) : undefined;
}

function readItem(value: unknown): TraceItem | undefined {
  if (!isObject(value)) return undefined;
  const { eventTimestamp, outcome, event, logs, exceptions, executionModel, entrypoint, durableObjectId } = value;
  if (typeof outcome !== "string") return undefined;
  const unredacted = readUnredacted(value.unredacted);
  return {
    outcome,
    eventTimestamp: typeof eventTimestamp === "number" ? eventTimestamp : null,
    event: isObject(event) ? eventOf(event, entrypoint, unredacted) : null,
    logs: listOf(logs, readLog),
    exceptions: listOf(exceptions, readException),
    diagnosticsChannelEvents: listOf(value.diagnosticsChannelEvents, (entry) => entry),
    executionModel: (models.includes(executionModel as string) ? executionModel : "stateless") as never,
    ...(typeof entrypoint === "string" && entrypoint !== TAIL_ENTRYPOINT && { entrypoint }),
    ...(typeof durableObjectId === "string" && { durableObjectId }),
    truncated: value.truncated === true,
    cpuTime: numberOf(value.cpuTime),
    wallTime: Math.max(0, numberOf(value.wallTime)),
    ...(unredacted && entrypoint !== TAIL_ENTRYPOINT && { [UNREDACTED]: unredacted }),
  };
}

/** Whether it is of a Tail Worker, that handled items of others. */
export function isTail({ event }: Pick<TraceItem, "event">): boolean {
  return event?.consumedEvents !== undefined;
}

/** The runtime knows calls of `tail()` as requests of ours, whose query names the scripts (`tail-handler.worker.js`). */
function eventOf(
  event: Record<string, unknown>,
  entrypoint: unknown,
  unredacted: Unredacted | undefined,
): Record<string, unknown> {
  if (entrypoint !== TAIL_ENTRYPOINT || !isObject(event.request)) return event;
  const url = unredacted?.url ?? textOf(event.request.url);
  const scripts = url.slice(url.indexOf("?") + 1).split(",");
  return { consumedEvents: scripts.map((scriptName) => ({ scriptName })) };
}

function readLog(value: unknown): TraceLog | undefined {
  if (!isObject(value)) return undefined;
  const { level, message, timestamp, errorInfo } = value;
  const errors = listOf(errorInfo, readError);
  return {
    level: (levels.includes(level as string) ? level : "log") as TraceLog["level"],
    message: Array.isArray(message) ? message : [message],
    timestamp: numberOf(timestamp),
    ...(errors.length > 0 && { errorInfo: errors }),
  };
}

function readException(value: unknown): TraceException | undefined {
  const error = readError(value);
  return error && { ...error, timestamp: numberOf((value as { timestamp?: unknown }).timestamp) };
}

function readError(value: unknown): Omit<TraceException, "timestamp"> | undefined {
  if (!isObject(value)) return undefined;
  const { name, message, stack } = value;
  return { name: textOf(name), message: textOf(message), ...(typeof stack === "string" && { stack }) };
}

function readUnredacted(value: unknown): Unredacted | undefined {
  if (!isObject(value)) return undefined;
  const { url, headers } = value;
  const values = isObject(headers)
    ? Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === "string")
    : [];
  return { ...(typeof url === "string" && { url }), ...(values.length > 0 && { headers: Object.fromEntries(values) }) };
}

function listOf<T>(value: unknown, read: (entry: unknown) => T | undefined): T[] {
  return Array.isArray(value) ? value.map(read).filter((entry) => entry !== undefined) : [];
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
