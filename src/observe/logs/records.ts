import { randomBytes } from "node:crypto";
import type { TraceException, TraceItem, TraceSource } from "../../domain/trace.ts";
import { isObject } from "../../lib/is-object.ts";
import { eventKind } from "./event-kind.ts";
import type { StoredEvent } from "./host/columns.ts";
import { eventId } from "./host/event-id.ts";
import { jsonText } from "./json-text.ts";
import { MAX_INVOCATION_BYTES, MAX_SEARCH_PARAMETERS, MAX_WRITTEN_CHARS } from "./limits.ts";
import { logText } from "./log-text.ts";

export interface RecordSettings {
  /** Each stands for so many. */
  interval: number;
  /** Whether the invocation itself is one. */
  invocationLogs: boolean;
}

type Words = Pick<StoredEvent, "level" | "message" | "source"> & { error?: string };

/** Ids have no digits for more. */
const MAX_TIMESTAMP_MS = 1e15;

interface Kept {
  timestamp: number;
  words: Words;
}

/**
 * The events that are stored of an invocation: itself, what it logged, what it threw. Like the original, `request.headers` and `request.cf`
 * are with the first alone.
 */
export function recordsOf(
  { script, versionId, versionTag }: TraceSource,
  item: TraceItem,
  settings: RecordSettings,
): StoredEvent[] {
  const kind = eventKind(item);
  const request = requestOf(item.event);
  const ray = rayOf(request);
  const requestId = ray ?? randomBytes(8).toString("hex");
  const status = isObject(item.event?.response) ? item.event.response.status : undefined;
  const shown = eventOf(item.event, ray, false);
  const kept = keep(item, shown);
  const common = {
    n: settings.interval,
    trigger: kind.trigger,
    origin: kind.origin,
    request: requestId,
    ...(ray !== undefined && { ray }),
    service: script,
    version: versionId,
    outcome: item.outcome,
    ...(typeof status === "number" && { status }),
  };
  const workers = {
    truncated: kept.truncated,
    event: shown,
    scriptName: script,
    outcome: item.outcome,
    eventType: kind.origin,
    ...(item.entrypoint !== undefined && { entrypoint: item.entrypoint }),
    scriptVersion: { id: versionId, ...(versionTag !== "" && { tag: versionTag }) },
    executionModel: item.executionModel,
    ...(item.durableObjectId !== undefined && { durableObjectId: item.durableObjectId }),
    requestId,
  };
  const timeMs = item.eventTimestamp ?? Date.now();
  const small = kept.events.length > 0 ? jsonText(workers) : "";
  const event = (
    timestampMs: number,
    type: string,
    { level, message, source, error }: Words,
    rest: Partial<StoredEvent>,
  ): StoredEvent => ({
    ...timeAndId(timestampMs),
    ...{ type, level, message, source, workers: small, ...(error !== undefined && { error }) },
    ...common,
    ...rest,
  });
  const own = settings.invocationLogs
    ? [event(timeMs, "cf-worker-event", ...invocationOf(item, kind.message, workers, ray))]
    : [];
  // Ids are in the order in which they are made: within a millisecond it is all that says what came first.
  return [...own, ...kept.events.map(({ timestamp, words }) => event(timestamp || timeMs, "cf-worker", words, {}))];
}

/** Of the invocation itself: its words, and what the others have not. */
function invocationOf(
  { outcome, exceptions, event, wallTime, cpuTime, diagnosticsChannelEvents }: TraceItem,
  message: string,
  workers: object,
  ray: string | undefined,
): [Words, Partial<StoredEvent>] {
  const level = outcome === "ok" || outcome === "canceled" ? "info" : "error";
  const [thrown] = exceptions;
  const whole = {
    ...workers,
    event: eventOf(event, ray, true),
    wallTimeMs: wallTime,
    cpuTimeMs: cpuTime,
    ...(diagnosticsChannelEvents.length > 0 && { diagnosticsChannelEvents }),
  };
  const words = {
    level,
    message,
    source: jsonText({ level, message }),
    ...(thrown && { error: thrown.message }),
  };
  return [words, { wall: wallTime, cpu: cpuTime, workers: jsonText(whole) }];
}

/** What was logged and thrown, up to the bounds; `shown` is written with each. */
function keep({ logs, exceptions, truncated }: TraceItem, shown: Record<string, unknown>) {
  const shownChars = logs.length + exceptions.length > 0 ? jsonText(shown).length : 0;
  let bytes = 0;
  let written = 0;
  let isCut = truncated;
  const fits = ({ words: { message, source } }: Kept) => {
    bytes += message.length + source.length;
    written += message.length + source.length + shownChars;
    const doesFit = bytes <= MAX_INVOCATION_BYTES && written <= MAX_WRITTEN_CHARS;
    isCut ||= !doesFit;
    return doesFit;
  };
  // Exceptions first: they are few, and say most.
  const thrown = exceptions.map((one) => ({ timestamp: one.timestamp, words: wordsOf(one) })).filter(fits);
  const logged = logs
    .map((log) => {
      const { source, ...words } = logText(log);
      return { timestamp: log.timestamp, words: { ...words, source: jsonText(source) } };
    })
    .filter(fits);
  return { events: [...logged, ...thrown], truncated: isCut };
}

function wordsOf({ name, message, stack }: TraceException): Words {
  const text = `${name}: ${message}`;
  const source = { level: "error", message: text, name, ...(stack !== undefined && { stack }) };
  return { level: "error", message: text, source: jsonText(source), error: message };
}

/** Both say the same time. One that is none is now. */
function timeAndId(timestampMs: number): Pick<StoredEvent, "t" | "id"> {
  const isTime = timestampMs >= 0 && timestampMs < MAX_TIMESTAMP_MS;
  const t = Math.floor(isTime ? timestampMs : Date.now());
  return { id: eventId(t), t };
}

function requestOf(event: TraceItem["event"]): Record<string, unknown> | undefined {
  return isObject(event?.request) ? event.request : undefined;
}

/** It ties what one request from outside did, in all the invocations that it led to. */
function rayOf(request: Record<string, unknown> | undefined): string | undefined {
  const ray = isObject(request?.headers) ? request.headers["cf-ray"] : undefined;
  return typeof ray === "string" ? /^[0-9a-f]{16}/.exec(ray)?.[0] : undefined;
}

function eventOf(event: TraceItem["event"], ray: string | undefined, isWhole: boolean): Record<string, unknown> {
  const request = requestOf(event);
  if (!event || !request) return event ?? {};
  const { url, method, headers, cf } = request;
  const parsed = URL.parse(String(url));
  const search = parsed ? Object.fromEntries([...parsed.searchParams].slice(0, MAX_SEARCH_PARAMETERS)) : {};
  return {
    ...event,
    request: { ...(isWhole && { headers, cf }), url, method, path: parsed?.pathname ?? url, search },
    ...(ray !== undefined && { rayId: ray }),
  };
}
