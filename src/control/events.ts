import { EventSender } from "../workerd/event-sender.ts";
import type { SupervisorChannel } from "./runtime.ts";

/** Sends events to runners, and tells the supervisor of those in flight. */
export function sendEvents(supervisor: SupervisorChannel): EventSender {
  const events = new EventSender({
    acquire: (versionId) => supervisor.call("acquire", { versionId }),
    verdict: async (instanceId) => (await supervisor.call("verdict", { instanceId })).cause,
    exceeded: (invocation) => void supervisor.call("exceeded", invocation).catch(() => {}),
  });
  // Asked for idleness only: this process has no requests in flight.
  supervisor.handle("release", ({ instanceId, versionId }) => ({ released: events.isIdle(instanceId, versionId) }));
  supervisor.handle("finishEvents", async ({ instanceId }) => {
    await events.finish(instanceId);
    return {};
  });
  supervisor.handle("inFlight", ({ instanceId }) => ({ count: events.inFlight(instanceId) }));
  supervisor.handle("gone", ({ instanceId }) => {
    events.gone(instanceId);
    return {};
  });
  return events;
}
