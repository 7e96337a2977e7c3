import { rm } from "node:fs/promises";
import type { Config } from "../domain/config.ts";
import type { PlatformStatus } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import { printable } from "../lib/printable.ts";
import { planLaunch } from "../products/launch.ts";
import { lockDirectory } from "./lock.ts";
import { Platform, type PlatformOptions } from "./platform.ts";
import { claimPort } from "./port.ts";
import { recover } from "./recovery.ts";
import { compileCache, warmCompileCache } from "./warm.ts";

/** A platform that runs. */
export interface Supervisor {
  /** The configuration in force: its port is never 0. */
  config: Config;
  status(): Promise<PlatformStatus>;
  /** Finishes requests in flight and ends everything, within bounds. May be called more than once. */
  stop(): Promise<void>;
  /** Resolves when everything has ended. */
  closed: Promise<void>;
}

/**
 * Starts the platform; resolves when all its processes serve. Throws `ConfigError` for what the operator can mend
 * (a directory in use, a taken port, a sandbox that is required and missing) and leaves nothing behind then.
 */
export async function startSupervisor(config: Config, options: Partial<PlatformOptions> = {}): Promise<Supervisor> {
  const lock = lockDirectory(config.dataDir, paths(config).lock);
  let platform: Platform | undefined;
  try {
    await recover(config);
    const port = await claimPort(config.host, config.port);
    if (config.httpsPort !== 0) await claimPort(config.host, config.httpsPort, "FREEHOLD_HTTPS_PORT");
    const knownImports = options.roleCommand ? undefined : await warmCompileCache(compileCache(config));
    const log = options.log ?? ((line: string) => void process.stderr.write(`${printable(line)}\n`));
    platform = new Platform({ ...config, port }, { planLaunch, knownImports, ...options, log });
    await platform.ready();
  } catch (error) {
    await platform?.stop();
    lock.release();
    throw error;
  }
  const running = platform;
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  return {
    config: running.config,
    status: () => running.status(),
    async stop() {
      await running.stop();
      // It may be below the system's directory for temporary files, where nothing should stay.
      await rm(running.config.runDir, { recursive: true, force: true }).catch(() => {});
      lock.release();
      resolve();
    },
    closed,
  };
}
