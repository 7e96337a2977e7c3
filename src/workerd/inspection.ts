import type { ValidateReply } from "../domain/messages.ts";
import type { ExportedEntrypoint } from "../domain/version.ts";

/**
 * What a process in `inspect` mode found, from the body it answers with to any request on its HTTP socket.
 * `startupTimeMs` is the caller's, from spawn to `listen`: inside workerd the clock stands at 0 while
 * global scope runs (measured). Never throws; code that exports no handler is refused as the original does.
 */
export function readInspection(body: string, startupTimeMs: number): ValidateReply {
  const exports = parseExports(body);
  if (!exports)
    return {
      ok: false,
      code: 10021,
      message: "The script could not be inspected: it changes what the runtime relies on.",
    };
  if (!exports.some(isEntrypoint)) {
    return { ok: false, code: NO_HANDLERS, message: "The uploaded script has no registered event handlers." };
  }
  return { ok: true, exports, startupTimeMs };
}

/** Code for a script that reacts to nothing (`workers-semantics.md` 4.3). */
export const NO_HANDLERS = 10068;

const KINDS: readonly string[] = [
  "object",
  "worker-entrypoint",
  "durable-object",
  "workflow",
  "other",
] satisfies ExportedEntrypoint["kind"][];

function isEntrypoint({ kind, handlers }: ExportedEntrypoint): boolean {
  return handlers.length > 0 || (kind !== "object" && kind !== "other");
}

/** The answer comes from a process in which foreign code runs, so it is taken apart with care. */
function parseExports(body: string): ExportedEntrypoint[] | undefined {
  try {
    const { exports } = JSON.parse(body);
    return Array.isArray(exports) && exports.every(isExport) ? exports : undefined;
  } catch {
    return undefined;
  }
}

function isExport(value: unknown): value is ExportedEntrypoint {
  if (typeof value !== "object" || value === null) return false;
  const { name, kind, handlers } = value as Record<string, unknown>;
  return (
    typeof name === "string" &&
    typeof kind === "string" &&
    KINDS.includes(kind) &&
    Array.isArray(handlers) &&
    handlers.every((handler) => typeof handler === "string")
  );
}
