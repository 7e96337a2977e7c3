import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Io } from "./command.ts";

/** A version that wrangler says it made. */
export interface MadeVersion {
  script: string;
  versionId: string;
}

/**
 * The file in which wrangler notes what it did, a JSON object a line: the one that the environment names, or one of ours.
 * With `WRANGLER_OUTPUT_FILE_DIRECTORY` wrangler chooses the file, and nothing is known here.
 */
export class WranglerNotes {
  /** What wrangler's environment needs besides. */
  readonly env: Record<string, string>;
  readonly #file: string | undefined;
  readonly #begin: number;
  readonly #directory: string | undefined;

  constructor(inherited: Io["env"]) {
    const named = inherited.WRANGLER_OUTPUT_FILE_PATH;
    const ours = !named && !inherited.WRANGLER_OUTPUT_FILE_DIRECTORY;
    this.#directory = ours ? mkdtempSync(join(tmpdir(), "freehold-wrangler-")) : undefined;
    this.#file = this.#directory ? join(this.#directory, "notes") : named;
    this.#begin = (this.#file && statSync(this.#file, { throwIfNoEntry: false })?.size) || 0;
    this.env = this.#directory && this.#file ? { WRANGLER_OUTPUT_FILE_PATH: this.#file } : {};
  }

  /** The versions made since; never throws: notes are an extra. */
  versions(): MadeVersion[] {
    try {
      if (!this.#file) return [];
      const added = readFileSync(this.#file).subarray(this.#begin).toString();
      return added.split("\n").filter(Boolean).flatMap(madeVersion);
    } catch {
      return [];
    }
  }

  [Symbol.dispose](): void {
    if (this.#directory) rmSync(this.#directory, { recursive: true, force: true });
  }
}

function madeVersion(line: string): MadeVersion[] {
  const { type, worker_name: script, version_id: versionId } = JSON.parse(line) as Record<string, unknown>;
  if (type !== "deploy" && type !== "version-upload") return [];
  return typeof script === "string" && typeof versionId === "string" ? [{ script, versionId }] : [];
}

interface VersionDetail {
  resources?: { script_runtime?: { assets?: { warnings?: string[] } } };
}

/**
 * Prints which lines of `_headers` and `_redirects` do nothing: the platform says so with the upload, but wrangler shows
 * it only when the upload fails. `read` gets a path below the account.
 */
export async function printWarnings(
  made: MadeVersion[],
  read: (path: string) => Promise<unknown>,
  io: Pick<Io, "err">,
): Promise<void> {
  for (const { script, versionId } of made) {
    const path = `/workers/scripts/${encodeURIComponent(script)}/versions/${encodeURIComponent(versionId)}`;
    // A deploy that succeeded must not fail for this.
    const detail = (await read(path).catch(() => undefined)) as VersionDetail | undefined;
    const warnings = detail?.resources?.script_runtime?.assets?.warnings ?? [];
    if (warnings.length === 0) continue;
    io.err(`Lines that do nothing in the version just made of ${script}:`);
    for (const warning of warnings) io.err(`  ${warning}`);
  }
}
