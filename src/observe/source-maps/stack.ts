import type { Position } from "../../lib/source-map.ts";

/** A line of a stack that names a place in a module. */
export interface StackFrame extends Position {
  /** What stands before and after the place. */
  before: string;
  after: string;
  module: string;
}

/** Longer lines are no frames of ours. */
const MAX_LINE_LENGTH = 2_000;
/** Frames of one stack that are looked up; the runtime keeps ten. */
export const MAX_FRAMES = 100;

/** `    at name (module:line:column)` and `    at module:line:column`, as V8 writes them. */
export function readFrame(line: string): StackFrame | undefined {
  if (line.length > MAX_LINE_LENGTH || !/^\s*at /.test(line)) return undefined;
  const end = line.endsWith(")") ? line.length - 1 : line.length;
  const columnAt = line.lastIndexOf(":", end - 1);
  const lineAt = line.lastIndexOf(":", columnAt - 1);
  if (lineAt <= 0) return undefined;
  const [lineText, columnText] = [line.slice(lineAt + 1, columnAt), line.slice(columnAt + 1, end)];
  if (!/^\d{1,9}$/.test(lineText) || !/^\d{1,9}$/.test(columnText)) return undefined;
  const parenthesis = end < line.length ? line.lastIndexOf("(", lineAt) : -1;
  const start = parenthesis >= 0 ? parenthesis + 1 : Math.max(line.lastIndexOf(" ", lineAt) + 1, 0);
  return {
    before: line.slice(0, start),
    module: line.slice(start, lineAt),
    line: Number(lineText),
    column: Number(columnText),
    after: line.slice(end),
  };
}
