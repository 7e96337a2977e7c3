/** Stored events as lines for people. */
import { colourCodes, printable } from "../lib/printable.ts";

/** What a line needs of an event of `…/telemetry/query`. */
export interface LogEvent {
  timestamp: number;
  source: unknown;
  $metadata: {
    id: string;
    type?: string;
    level?: string;
    message?: string;
    service?: string;
    error?: string;
    statusCode?: number;
  };
  $workers?: { outcome?: string; wallTimeMs?: number };
}

type Colour = keyof typeof colourCodes;

export interface LineStyle {
  colours: boolean;
  /** The script's name is on each line: there are several. */
  services: boolean;
}

const ofLevel: Record<string, Colour> = { error: "red", fatal: "red", warn: "yellow", debug: "dim", trace: "dim" };

/** `12:34:56.789  error  message`, with further lines of a message below. */
export function logLines({ timestamp, $metadata, $workers, source }: LogEvent, style: LineStyle): string[] {
  const { type, level = "", message = "", service = "", statusCode } = $metadata;
  const isInvocation = type === "cf-worker-event";
  const paint = (colour: Colour | undefined, text: string) =>
    style.colours && colour ? `\u001b[${colourCodes[colour]}m${text}\u001b[0m` : text;
  const time = paint("dim", timeText(timestamp));
  const label = paint(
    isInvocation && level === "info" ? "cyan" : ofLevel[level],
    (isInvocation ? "event" : level).padEnd(5),
  );
  const after = isInvocation
    ? paint(
        "dim",
        ["", statusCode, outcome($workers?.outcome), wall($workers?.wallTimeMs)]
          .filter((one) => one !== undefined)
          .join("  "),
      )
    : "";
  const [first = "", ...rest] = withFields(message, source).map(withoutColours);
  const name = style.services ? `${service}  ` : "";
  return [`${time}  ${label}  ${name}${first}${after}`, ...rest.map((line) => `              ${line}`)];
}

const outcome = (text: string | undefined) => (text === "ok" ? undefined : text);
const wall = (ms: number | undefined) => (ms === undefined ? undefined : `${ms} ms`);

function timeText(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** The message, its other fields behind it, and a stack below: the runtime's has only frames, the first line of others is the message. */
function withFields(message: string, source: unknown): string[] {
  const fields = typeof source === "object" && source !== null ? { ...(source as Record<string, unknown>) } : {};
  const stack = typeof fields.stack === "string" ? fields.stack.split("\n") : [];
  for (const name of ["message", "msg", "level", "stack", "name"]) delete fields[name];
  const isShown = message.startsWith("{") || Object.keys(fields).length === 0;
  const lines = message.split("\n");
  const text = isShown ? lines : [...lines.slice(0, -1), `${lines.at(-1)}  ${JSON.stringify(fields)}`];
  return [...text, ...stack.filter((line) => !message.includes(line))];
}

/** Code may log what a terminal would obey; colours say what is ours. */
function withoutColours(text: string): string {
  return printable(text.replaceAll("\u001b", "\ufffd"));
}
