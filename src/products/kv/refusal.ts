import { isDiskFull } from "../../lib/disk-full.ts";

/** What the binding is told: the runtime shows status and reason as `KV GET failed: <status> <reason>`. */
export class KvRefusal extends Error {
  override name = "KvRefusal";
  readonly status: number;

  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}

const MAX_REASON_CHARS = 300;
/** A disk that is full fails every write: one line says enough. */
const LOG_PAUSE_MS = 1000;

let loggedAtMs = Number.NEGATIVE_INFINITY;

/** The refusal that an error comes to. What is not one already is a failure of the store, and is logged. */
export function refusalOf(error: unknown): KvRefusal {
  if (error instanceof KvRefusal) return error;
  if (performance.now() - loggedAtMs > LOG_PAUSE_MS) {
    loggedAtMs = performance.now();
    console.error("KV:", error);
  }
  if (isDiskFull(error)) return new KvRefusal(507, "The disk of the KV store is full. Nothing was stored.");
  return new KvRefusal(503, `The KV store is not available: ${error instanceof Error ? error.message : String(error)}`);
}

/** Text as a status line can have it. */
export function reasonText(text: string): string {
  return text.slice(0, MAX_REASON_CHARS).replace(/[^\x20-\x7e]/g, "?");
}
