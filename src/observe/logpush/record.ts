import type { TraceItem, TraceSource } from "../../domain/trace.ts";
import type { LogRecord } from "./fields.ts";
import { MAX_TEXT_CHARS } from "./limits.ts";

/** One invocation as the dataset shows it. */
export function recordOf(source: TraceSource, item: TraceItem, tags: readonly string[]): LogRecord {
  const room = new Room(MAX_TEXT_CHARS);
  const event = item.event ?? {};
  const type = eventType(event);
  return {
    CPUTimeMs: Math.round(item.cpuTime),
    DispatchNamespace: "",
    Entrypoint: item.entrypoint ?? "",
    Event: eventOf(type, event),
    EventTimestampMs: item.eventTimestamp ?? 0,
    EventType: type,
    ...texts(item, room),
    Outcome: item.outcome,
    ScriptName: source.script,
    ScriptTags: tags,
    ScriptVersion: { id: source.versionId, message: "", tag: source.versionTag },
    WallTimeMs: Math.round(item.wallTime),
  };
}

/**
 * Names and messages of exceptions come first, then what was logged, then stacks, as long as there is room. What does not fit
 * ends with a remark; of logs those after it are left out.
 */
function texts(item: TraceItem, room: Room): Pick<LogRecord, "Exceptions" | "Logs"> {
  const names = item.exceptions.map(({ name }) => room.take(name, "exception name"));
  const messages = item.exceptions.map(({ message }) => room.take(message, "exception message"));
  const logs: unknown[] = [];
  for (const { level, message, timestamp } of item.logs) {
    if (room.isFull) break;
    const parts = message.map((part) =>
      room.take(typeof part === "string" ? part : (JSON.stringify(part) ?? ""), "log message"),
    );
    logs.push({ Level: level, Message: parts.filter((part) => part !== undefined), TimestampMs: timestamp });
  }
  const exceptions = item.exceptions.map(({ timestamp, stack }, index) => {
    const kept = stack === undefined ? undefined : room.take(stack, "exception stack");
    return {
      Name: names[index] ?? "",
      Message: messages[index] ?? "",
      TimestampMs: timestamp,
      ...(kept !== undefined && { Stack: kept }),
    };
  });
  return { Exceptions: exceptions, Logs: logs };
}

/** Characters that are left. */
class Room {
  #left: number;
  isFull = false;

  constructor(chars: number) {
    this.#left = chars;
  }

  /** The text, or what of it there is room for; undefined when the remark stands already. */
  take(text: string, field: string): string | undefined {
    if (this.isFull) return undefined;
    if (text.length <= this.#left) {
      this.#left -= text.length;
      return text;
    }
    this.isFull = true;
    return `${text.slice(0, this.#left)}<<<Logpush: *${field}* truncated>>>`;
  }
}

function eventType(event: Record<string, unknown>): string {
  if ("request" in event) return "fetch";
  if ("cron" in event) return "scheduled";
  if ("queue" in event) return "queue";
  if ("rpcMethod" in event) return "worker_rpc";
  if ("getWebSocketEvent" in event) return "hibernatable_web_socket";
  if ("mailFrom" in event) return "email";
  if ("consumedEvents" in event) return "tail";
  return "scheduledTime" in event ? "alarm" : "unknown";
}

function eventOf(type: string, event: Record<string, unknown>): Record<string, unknown> {
  switch (type) {
    case "fetch": {
      const { request, response } = event as {
        request: { url?: unknown; method?: unknown; headers?: Record<string, unknown> };
        response?: { status?: unknown };
      };
      return {
        ...(typeof request.headers?.["cf-ray"] === "string" && { RayID: request.headers["cf-ray"] }),
        Request: { URL: request.url, Method: request.method },
        ...(response && { Response: { Status: response.status } }),
      };
    }
    case "scheduled":
      return { Cron: event.cron, ScheduledTimeMs: timeOf(event.scheduledTime) };
    case "alarm":
      return { ScheduledTimeMs: timeOf(event.scheduledTime) };
    case "queue":
      return { Queue: event.queue, BatchSize: event.batchSize };
    case "worker_rpc":
      return { RPCMethod: event.rpcMethod };
    case "email":
      return { MailFrom: event.mailFrom, RcptTo: event.rcptTo, RawSize: event.rawSize };
    case "hibernatable_web_socket": {
      const of = event.getWebSocketEvent as Record<string, unknown> | null;
      return { WebSocketEventType: of?.webSocketEventType };
    }
    default:
      return {};
  }
}

/** The runtime gives a time as a number or as a date's text. */
function timeOf(value: unknown): number {
  const time = typeof value === "number" ? value : Date.parse(String(value));
  return Number.isFinite(time) ? time : 0;
}
