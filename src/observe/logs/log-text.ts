import type { TraceLog } from "../../domain/trace.ts";
import { isObject } from "../../lib/is-object.ts";

/** What a call of `console` becomes. */
export interface LogText {
  level: string;
  /** `$metadata.message`. */
  message: string;
  /** `source`: its fields can be queried. */
  source: Record<string, unknown>;
  /** `$metadata.error`. */
  error?: string;
}

const LEVELS: readonly unknown[] = ["trace", "debug", "info", "log", "warn", "error", "fatal"];

/** An object that was logged alone is taken as it is, one in JSON as well; all else is a line of text. */
export function logText({ level, message, errorInfo }: TraceLog): LogText {
  const fields = message.length === 1 ? fieldsOf(message[0]) : undefined;
  if (fields) {
    const own = typeof fields.level === "string" ? fields.level.toLowerCase() : undefined;
    const text = fields.message ?? fields.msg;
    return {
      level: own !== undefined && LEVELS.includes(own) ? own : level,
      message: typeof text === "string" ? text : JSON.stringify(fields),
      source: fields,
      ...(typeof fields.error === "string" && { error: fields.error }),
    };
  }
  const text = message.map(textOf).join(" ");
  const [thrown] = errorInfo ?? [];
  return {
    level,
    message: text,
    source: { level, message: text, ...(thrown?.stack !== undefined && { stack: thrown.stack }) },
    ...(thrown && { error: `${thrown.name}: ${thrown.message}` }),
  };
}

function fieldsOf(value: unknown): Record<string, unknown> | undefined {
  if (isObject(value)) return value;
  if (typeof value !== "string" || !value.startsWith("{")) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined ? "undefined" : JSON.stringify(value);
}
