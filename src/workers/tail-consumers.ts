import { takesTraces } from "../workerd/events.ts";
import type { Change } from "./change.ts";
import { tailConsumerNotFound, tailConsumerWithoutHandler } from "./errors.ts";
import { ENVIRONMENT } from "./limits.ts";
import { findScript } from "./scripts.ts";
import { newestVersion } from "./versions.ts";

/**
 * Refuses Tail Workers that could not be told of anything: errors 100152 and 100153. A script may name itself, whatever
 * it has now: its next version may bring the handler.
 */
export async function checkTailConsumers(
  { platform, accountId, scriptName }: Change,
  consumers: readonly { service: string; environment?: string | undefined }[] | null | undefined,
): Promise<void> {
  for (const { service, environment } of consumers ?? []) {
    if (service === scriptName) continue;
    const script = await findScript(platform, accountId, service);
    if (!script || (environment ?? ENVIRONMENT) !== ENVIRONMENT) throw tailConsumerNotFound(service, environment);
    const newest = await newestVersion(platform, script);
    if (!newest || !takesTraces(newest.record)) throw tailConsumerWithoutHandler(service);
  }
}
