import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { inspectionRefused, tooManyInspections } from "./errors.ts";
import {
  INSPECTED_ROWS,
  INSPECTED_VALUE_BYTES,
  INSPECTION_BYTES,
  INSPECTION_FILE_BYTES,
  INSPECTION_MS,
  MAX_INSPECTIONS,
} from "./limits.ts";

/** A question to one object's database. */
export type Inspection =
  | { kind: "query"; sql: string; params: (string | number | null)[] }
  /** Keys of the key-value storage from after a key on. */
  | { kind: "keys"; prefix: string; after: string };

export interface InspectionLimits {
  timeoutMs?: number;
  rows?: number;
}

const program = join(import.meta.dirname, "inspect-object.process.js");

/** What an answer may have around its rows. */
const ENVELOPE_BYTES = 100_000;

let running = 0;

/**
 * Reads an object's database while it may be in use: the log lets readers in beside the one who writes.
 * In a process of its own, which can read that directory and nothing else, and which ends with its time.
 * Errors: 10026 with SQLite's words, 10429.
 */
export async function inspectObject(
  file: string,
  inspection: Inspection,
  { timeoutMs = INSPECTION_MS, rows = INSPECTED_ROWS }: InspectionLimits = {},
): Promise<Record<string, unknown>> {
  if (running >= MAX_INSPECTIONS) throw tooManyInspections();
  running++;
  try {
    const limits = { maxRows: rows, maxBytes: INSPECTION_BYTES, maxValueBytes: INSPECTED_VALUE_BYTES };
    const answer = await ask(file, JSON.stringify({ path: file, ...limits, ...inspection }), timeoutMs);
    if (typeof answer.error === "string") throw inspectionRefused(answer.error);
    return answer;
  } finally {
    running--;
  }
}

async function ask(file: string, request: string, timeoutMs: number): Promise<Record<string, unknown>> {
  const child = spawn(
    "/bin/sh",
    [
      "-c",
      // Node's permissions do not hold for SQLite's own temporary files. Those that are too large shall fail, not end it.
      `ulimit -c 0; ulimit -f ${INSPECTION_FILE_BYTES / 512}; trap '' XFSZ; exec "$@"`,
      "sh",
      process.execPath,
      "--permission",
      `--allow-fs-read=${program}`,
      `--allow-fs-read=${dirname(file)}`,
      // Its own heap holds one answer.
      "--max-old-space-size=64",
      "--disable-warning=ExperimentalWarning",
      program,
    ],
    { stdio: ["pipe", "pipe", "ignore"], env: {} },
  );
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  try {
    const text = await answerOf(child, request);
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw inspectionRefused(
      isLate
        ? `The query took longer than ${timeoutMs} ms. Ask for less, or add an index.`
        : "The object's database could not be read: the answer was too large, or the file is damaged.",
    );
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
  }
}

async function answerOf(child: ChildProcess, request: string): Promise<string> {
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error("the process has no pipes");
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  // It may end before it has read all of it.
  stdin.on("error", () => {});
  stdin.end(request);
  const parts: Buffer[] = [];
  const read = async () => {
    let bytes = 0;
    for await (const part of stdout as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > INSPECTION_BYTES + ENVELOPE_BYTES) throw new Error("the answer is too large");
      parts.push(part);
    }
    return Buffer.concat(parts).toString();
  };
  return Promise.race([read(), failed]);
}
