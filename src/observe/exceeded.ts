import type { Exceeded, ExceededInvocation, ExceededRunner } from "../domain/exceeded.ts";
import { type TraceItem, UNREDACTED, type Unredacted } from "../domain/trace.ts";
import { redactedUrl, redactedValue } from "./redact.ts";

/** What the edge adds for the runtime alone, which takes it off. */
const FOR_THE_RUNTIME = ["cf-blob", "x-forwarded-scheme"];

type Cause = Exceeded["cause"];

const ends: Record<Cause, { outcome: string; message: string }> = {
  cpu: { outcome: "exceededCpu", message: "Worker exceeded CPU time limit." },
  memory: { outcome: "exceededMemory", message: "Worker exceeded memory limit." },
};

/** The report of an invocation that ended with its process, which can tell of it no more: what it had logged is lost. */
export function exceededItem({ cause, event }: ExceededInvocation, nowMs: number): TraceItem {
  if ("isCall" in event) return itemOf(cause, null, nowMs);
  if (!("head" in event)) return itemOf(cause, { ...event }, nowMs);
  const { request, unredacted } = readHead(event.head);
  return { ...itemOf(cause, { request }, nowMs), ...(unredacted && { [UNREDACTED]: unredacted }) };
}

/** The same of an object's alarm. */
export function alarmItem(
  cause: Cause,
  { dueMs, className }: NonNullable<ExceededRunner["alarm"]>,
  nowMs: number,
): TraceItem {
  const event = { scheduledTime: new Date(dueMs).toISOString() };
  return { ...itemOf(cause, event, nowMs), executionModel: "durableObject", entrypoint: className };
}

/** The same of something that nobody saw begin. */
export function unseenItem(cause: Cause, nowMs: number): TraceItem {
  return itemOf(cause, null, nowMs);
}

function itemOf(cause: Cause, event: TraceItem["event"], nowMs: number): TraceItem {
  const { outcome, message } = ends[cause];
  return {
    outcome,
    eventTimestamp: nowMs,
    event,
    logs: [],
    exceptions: [{ name: "Error", message, timestamp: nowMs }],
    diagnosticsChannelEvents: [],
    executionModel: "stateless",
    truncated: false,
    cpuTime: 0,
    wallTime: 0,
  };
}

function readHead(head: string): { request: Record<string, unknown>; unredacted: Unredacted | undefined } {
  // Heads are one byte a character.
  const [start = "", ...lines] = Buffer.from(head, "latin1").toString().split("\r\n");
  const [method = "", target = ""] = start.split(" ");
  const fields: Record<string, string> = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    fields[name] = name in fields ? `${fields[name]}, ${value}` : value;
  }
  const scheme = fields["x-forwarded-scheme"] ?? "http";
  const url = `${scheme}://${fields.host ?? ""}${target}`;
  const originals = Object.entries(fields).filter(([name]) => !FOR_THE_RUNTIME.includes(name));
  const headers = Object.fromEntries(originals.map(([name, value]) => [name, redactedValue(name, value)]));
  const hidden = originals.filter(([name, value]) => headers[name] !== value);
  const shownUrl = redactedUrl(url);
  const differs = {
    ...(shownUrl !== url && { url }),
    ...(hidden.length > 0 && { headers: Object.fromEntries(hidden) }),
  };
  return {
    request: { url: shownUrl, method, headers, cf: propertiesOf(fields["cf-blob"]) },
    unredacted: Object.keys(differs).length > 0 ? differs : undefined,
  };
}

function propertiesOf(blob: string | undefined): unknown {
  try {
    return JSON.parse(blob ?? "");
  } catch {
    // The head was too long to be told whole.
    return undefined;
  }
}
