import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Config, ConfigError } from "../domain/config.ts";
import { detectHost } from "./host.ts";
import { hasProc } from "./proc.ts";
import { recover } from "./recovery.ts";
import { testConfig } from "./testing.ts";

let config: Config;
const { PATH } = process.env;
beforeEach(async () => {
  config = testConfig();
  await recover(config);
});
afterEach(() => {
  process.env.PATH = PATH;
  rmSync(config.dataDir, { recursive: true });
});

test("what an idle runner uses is measured", async () => {
  const { idle } = await detectHost(config);
  if (!hasProc) return expect(idle).toBeUndefined();
  expect(idle?.memory.anonymousBytes).toBeGreaterThan(2_000_000);
  expect(idle?.memory.anonymousBytes).toBeLessThan(60_000_000);
  expect(idle?.startCpuMs).toBeGreaterThan(0);
});

test("without bubblewrap there is no sandbox, and a reason", async () => {
  process.env.PATH = "/nowhere";
  expect(await detectHost(config)).toMatchObject({ noSandboxReason: expect.stringContaining("bubblewrap") });
});

test("without bubblewrap a required sandbox is an error that says so", async () => {
  process.env.PATH = "/nowhere";
  const detected = detectHost({ ...config, sandbox: "required" });
  await expect(detected).rejects.toThrow(ConfigError);
  await expect(detected).rejects.toThrow(/FREEHOLD_SANDBOX.*bubblewrap/);
});
