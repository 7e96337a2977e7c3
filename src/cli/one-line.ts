import { printable } from "../lib/printable.ts";
import type { Io } from "./command.ts";

/** Text of others: it can neither steer the terminal, nor begin a line of its own, nor have our colours. */
export function oneLine(text: string): string {
  const inLine = text.replace(/[\n\u2028-\u202e\u2066-\u2069]/g, "\ufffd");
  return printable(inLine.replaceAll("\u001b", "\ufffd"));
}

/** For commands whose lines hold what others wrote: each call is one line. */
export function inLines(io: Io): Io {
  return { ...io, out: (line) => io.out(oneLine(line)), err: (line) => io.err(oneLine(line)) };
}
