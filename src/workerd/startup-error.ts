import type { LaunchRecord } from "../domain/version.ts";
import { PYTHON_UNAVAILABLE } from "./entry.ts";
import { NO_HANDLERS } from "./inspection.ts";
import { USER_SERVICE } from "./launch-plan.ts";

/** How a process ended that never came to listen. */
export type StartupEnd =
  /** By itself. */
  | "exit"
  /** Ended because its start-up used too much CPU. */
  | "cpu"
  /** Ended because it did not get ready in time. */
  | "timeout";

export interface StartupError {
  /** Code the client knows; 10021 (validation error) in nearly all cases. */
  code: number;
  /** First line and stack as the original has them: two blanks, `at <module>:<line>:<column>`. */
  message: string;
}

const VALIDATION = 10021;

/** Longest message that is passed on; an exception's text has no bound of its own. */
const MAX_MESSAGE_LENGTH = 8000;

/** Turns what workerd wrote to stderr into the error that the client shows. Never contains anything about the host. */
export function startupError(
  stderr: string,
  end: StartupEnd,
  record: Pick<LaunchRecord, "format" | "mainModule">,
): StartupError {
  if (end === "cpu") return { code: VALIDATION, message: "Script startup exceeded CPU time limit." };
  if (stderr.includes("JavaScript heap out of memory")) {
    return { code: VALIDATION, message: "Script startup exceeded memory limit." };
  }
  if (stderr.includes(PYTHON_UNAVAILABLE)) return { code: VALIDATION, message: PYTHON_UNAVAILABLE };
  const problems = reports(stderr).filter((report) => !NOTICE.test(report));
  // A script that throws has no handlers either; only the cause is of interest.
  const causes = problems.filter((problem) => !problem.startsWith(NOTHING_REGISTERED));
  if (causes.length === 0 && problems.length > 0) {
    return { code: NO_HANDLERS, message: "The uploaded script has no registered event handlers." };
  }
  if (causes.length > 0) return { code: VALIDATION, message: shorten(inOurWords(causes, stderr, record)) };
  return {
    code: VALIDATION,
    message: end === "timeout" ? "Script startup did not finish in time." : "The script could not be started.",
  };
}

const NOTICE = /^The compatibility flag \S+ became the default as of /;
const NOTHING_REGISTERED = "No event handlers were registered.";

/** What workerd reports about the user's service: each report starts a line, and may go on over several. */
function reports(stderr: string): string[] {
  const found: string[] = [];
  let open = false;
  for (const line of stderr.split("\n")) {
    const start = REPORT.exec(line);
    if (start) {
      found.push(line.slice(start[0].length));
      open = true;
    } else if (FOREIGN.test(line)) {
      open = false;
    } else if (open && line !== "") {
      found[found.length - 1] += `\n${line}`;
    }
  }
  return found;
}

const REPORT = new RegExp(`^service ${USER_SERVICE}: `);
/** Lines of the runtime's own log, and reports about other services. */
const FOREIGN = /^(?:service \S+: |\S+\.(?:c\+\+|rs|h):\d+: |\S+\/mod\.rs:\d+: |stack: |\*\*\* )/;

function inOurWords(causes: string[], stderr: string, record: Pick<LaunchRecord, "format" | "mainModule">): string {
  const future = causes.find((cause) => cause.startsWith("Can't set compatibility date in the future"));
  const lines = future
    ? causes.filter((cause) => !cause.startsWith("This Worker requires compatibility date"))
    : causes;
  return lines
    .map((cause) => internalCause(cause, stderr) ?? cause)
    .map((cause) =>
      cause
        .replace(
          /^(The compatibility flag \S+ is experimental) and may break .*$/,
          "$1 and cannot be used in deployed Workers.",
        )
        .replace(
          "the newest date supported by this server binary is",
          "the newest date this platform's runtime supports is",
        ),
    )
    .map((cause) => (record.format === "service-worker" ? withScriptName(cause, record.mainModule) : cause))
    .join("\n");
}

/** workerd hides some causes behind a reference; the words stand in its log. */
function internalCause(cause: string, stderr: string): string | undefined {
  const reference = /internal error; reference = (\S+)/.exec(cause)?.[1];
  if (!reference) return undefined;
  const logged = stderr.split("\n").findLast((line) => line.includes(": failed: "));
  const words = logged?.slice(logged.indexOf(": failed: ") + ": failed: ".length).replace(/^expected .*?; /, "");
  return words ? `Uncaught Error: ${words}` : "Uncaught Error: internal error";
}

/** Positions in a service-worker script carry the name of the service instead of the script's. */
function withScriptName(cause: string, script: string): string {
  return cause.replaceAll(new RegExp(`^(  at )${USER_SERVICE}(?=:\\d)`, "gm"), (_, at: string) => at + script);
}

function shorten(message: string): string {
  return message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message;
}
