import type { ExceededRequest } from "../domain/messages.ts";
import { type TraceItem, UNREDACTED, type Unredacted } from "../domain/trace.ts";
import { redactedUrl, redactedValue } from "./redact.ts";

/** What the edge adds for the runtime alone, which takes it off. */
const FOR_THE_RUNTIME = ["cf-blob", "x-forwarded-scheme"];

const ends: Record<ExceededRequest["cause"], { outcome: string; message: string }> = {
  cpu: { outcome: "exceededCpu", message: "Worker exceeded CPU time limit." },
  memory: { outcome: "exceededMemory", message: "Worker exceeded memory limit." },
};

/** The report of a request that ended with its process, which can tell of it no more: what it had logged is lost. */
export function exceededItem({ cause, head }: ExceededRequest, nowMs: number): TraceItem {
  const { outcome, message } = ends[cause];
  const { request, unredacted } = readHead(head);
  return {
    outcome,
    eventTimestamp: nowMs,
    event: { request },
    ...(unredacted && { [UNREDACTED]: unredacted }),
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
