import type { TraceItem } from "../../domain/trace.ts";
import { isObject } from "../../lib/is-object.ts";

/** What an invocation was of, in the original's words (`workers-semantics.md` 6.2). */
export interface EventKind {
  /** `$workers.eventType` and `$metadata.origin`. */
  origin: string;
  /** Of the invocation's own record. */
  message: string;
  /** What all its events have in common. */
  trigger: string;
}

export function eventKind({ event, entrypoint }: Pick<TraceItem, "event" | "entrypoint">): EventKind {
  if (!event) return kind("unknown", entrypoint ?? "");
  if (isObject(event.request)) {
    const { method, url } = event.request;
    return { origin: "fetch", message: `${method} ${url}`, trigger: `${method} ${pathOf(String(url))}` };
  }
  if (event.cron !== undefined) return kind("scheduled", event.cron);
  if (event.queue !== undefined) return kind("queue", event.queue);
  if (event.rpcMethod !== undefined) return kind("rpc", event.rpcMethod);
  if (event.mailFrom !== undefined) return kind("email", event.rcptTo);
  if (event.consumedEvents !== undefined) return kind("tail", "tail");
  if (isObject(event.getWebSocketEvent)) return kind("websocket", event.getWebSocketEvent.webSocketEventType);
  if (event.scheduledTime !== undefined) return kind("alarm", event.scheduledTime);
  return kind("unknown", event.type ?? entrypoint ?? "");
}

function kind(origin: string, message: unknown): EventKind {
  const text = typeof message === "string" ? message : JSON.stringify(message);
  return { origin, message: text, trigger: text };
}

export function pathOf(url: string): string {
  return URL.parse(url)?.pathname ?? url;
}
