import type { TraceSource } from "../domain/trace.ts";
import type { LaunchRecord } from "../domain/version.ts";

/** Whose invocations a version's runner reports. */
export function traceSource({ accountId, scriptName, versionId, tag }: LaunchRecord): TraceSource {
  return { accountId, script: scriptName, versionId, versionTag: tag };
}
