/** What the tests of the commands share. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { Io } from "./command.ts";

const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A temporary directory that is removed after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "freehold-cli-"));
  directories.push(directory);
  return directory;
}

/** A data directory whose platform is at this URL. */
export function dataDirectory(apiBaseUrl = "http://localhost:8787/client/v4"): string {
  const directory = join(temporaryDirectory(), "data");
  mkdirSync(directory);
  const lines = [
    `CLOUDFLARE_API_BASE_URL=${apiBaseUrl}`,
    "CLOUDFLARE_API_TOKEN=fh_secret",
    `CLOUDFLARE_ACCOUNT_ID=${"a".repeat(32)}`,
  ];
  writeFileSync(join(directory, "wrangler.env"), `${lines.join("\n")}\n`);
  return directory;
}

/** An {@link Io} that keeps what was printed. */
export function recordingIo(env: Io["env"] = {}): Io & { stdout: string[]; stderr: string[] } {
  const stdout: string[] = [];
  const stderr: string[] = [];
  return { env, stdout, stderr, out: (line) => stdout.push(line), err: (line) => stderr.push(line) };
}
