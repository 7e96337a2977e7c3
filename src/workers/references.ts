import type { LaunchRecord } from "../domain/version.ts";
import { activeRecords } from "../store/active-records.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import { activeDeployment } from "./deployments.ts";
import { listScripts, scriptSettings } from "./scripts.ts";
import { requireVersion } from "./versions.ts";

/** Names of the services that a script's active deployment binds. */
export async function servicesOf(platform: Platform, script: ScriptRow): Promise<string[]> {
  const shares = (await activeDeployment(platform, script))?.shares ?? [];
  const versions = await Promise.all(shares.map(({ versionId }) => requireVersion(platform, script, versionId)));
  const services = versions.flatMap(({ record }) => boundServices(record));
  return [...new Set(services)].sort();
}

/** Names of the other scripts whose active deployment binds this one as a service. */
export async function boundBy(platform: Platform, accountId: string, name: string): Promise<string[]> {
  const active = await activeRecords(platform.db, accountId, name);
  const names = active.filter(({ record }) => boundServices(record).includes(name)).map((script) => script.name);
  return [...new Set(names)].sort();
}

function boundServices({ bindings }: LaunchRecord): string[] {
  return bindings.filter((binding) => binding.type === "service").map(({ service }) => service);
}

/** Names of the scripts that send their tail to this one. */
export async function tailedBy(platform: Platform, accountId: string, name: string): Promise<string[]> {
  const scripts = await listScripts(platform, accountId);
  return scripts
    .filter((script) => scriptSettings(script).tail_consumers?.some(({ service }) => service === name))
    .map((script) => script.name);
}
