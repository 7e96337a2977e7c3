import { join } from "node:path";

import { Child } from "./processes.ts";

export interface LoadReport {
  requests: number;
  failures: number;
  /** What the first failure was; empty when there is none. */
  firstFailure: string;
  latenciesMs: number[];
  /** With `countAnswers`: bodies, cut to 40 characters, and how often each came. */
  answers: Record<string, number>;
}

export interface LoadSettings {
  port?: number;
  socket?: string;
  host: string;
  path?: string;
  connections: number;
  requests?: number;
  durationMs?: number;
  pauseMs?: number;
  countAnswers?: boolean;
}

/** Runs the load client as a process of its own. Throws when it fails as a whole. */
export async function heavyLoad(settings: LoadSettings): Promise<LoadReport> {
  const client = new Child(process.execPath, [
    join(import.meta.dirname, "load-client.ts"),
    JSON.stringify({ path: "/", ...settings }),
  ]);
  const { code, stdout, output } = await client.end((settings.durationMs ?? 120_000) + 30_000);
  if (code !== 0) throw new Error(`the load client failed:\n${output}`);
  return JSON.parse(stdout) as LoadReport;
}
