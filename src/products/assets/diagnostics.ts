import { MAX_DIAGNOSTICS, MAX_RULES_FILE_CHARS, MAX_RULES_FILE_LINES } from "./limits.ts";

/** A line of the user's rules that does nothing, or not what it seems to; shown at upload. */
export interface RuleDiagnostic {
  file: "_headers" | "_redirects" | "run_worker_first";
  /** From 1; for `run_worker_first` the position in the list. */
  line: number;
  /** The rule, shortened. */
  rule: string;
  /** Completes "this rule …". */
  message: string;
}

const SHOWN_CHARS = 120;

/** Collects diagnostics of one file, at most {@link MAX_DIAGNOSTICS}. */
export class DiagnosticList {
  readonly items: RuleDiagnostic[] = [];
  readonly #file: RuleDiagnostic["file"];

  constructor(file: RuleDiagnostic["file"]) {
    this.#file = file;
  }

  add(line: number, rule: string, message: string): void {
    if (this.items.length >= MAX_DIAGNOSTICS) return;
    const full = this.items.length === MAX_DIAGNOSTICS - 1;
    this.items.push({
      file: this.#file,
      line,
      rule: rule.length > SHOWN_CHARS ? `${rule.slice(0, SHOWN_CHARS)}…` : rule,
      message: full ? `${message} (further problems are not listed)` : message,
    });
  }
}

/** The lines of a rules file, as many as are read. */
export function linesOf(text: string, diagnostics: DiagnosticList): string[] {
  if (text.length > MAX_RULES_FILE_CHARS) {
    diagnostics.add(1, "", `the file is longer than ${MAX_RULES_FILE_CHARS} characters; what follows is ignored`);
  }
  const lines = text.slice(0, MAX_RULES_FILE_CHARS).split("\n", MAX_RULES_FILE_LINES + 1);
  if (lines.length <= MAX_RULES_FILE_LINES) return lines;
  diagnostics.add(
    MAX_RULES_FILE_LINES + 1,
    "",
    `the file has more than ${MAX_RULES_FILE_LINES} lines; the rest is ignored`,
  );
  return lines.slice(0, MAX_RULES_FILE_LINES);
}

/** One line for people: `_headers:3 | /x* – has …`. */
export function formatDiagnostic(diagnostic: RuleDiagnostic): string {
  const { file, line, rule, message } = diagnostic;
  return `${file}:${line}${rule ? ` | ${rule}` : ""} – ${message}`;
}
