import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, expect, vi } from "vitest";
import { type Platform, startPlatform } from "./platform.ts";

/** The client takes seconds to start, more on a busy machine. */
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

/** One platform for the test file. At the end it must stop cleanly and leave no process behind. */
export function usePlatform(env: Record<string, string> = {}): () => Platform {
  let platform: Platform | undefined;
  beforeAll(async () => {
    platform = await startPlatform({ env });
  });
  afterAll(async () => {
    if (!platform) return;
    const { code, left, output } = await platform.stop();
    rmSync(dirname(platform.dataDir), { recursive: true, force: true });
    expect(left.map((process) => process.command.join(" "))).toEqual([]);
    expect(code, output).toBe(0);
  });
  return () => {
    if (!platform) throw new Error("the platform did not start");
    return platform;
  };
}
