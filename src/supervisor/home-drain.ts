import { within } from "../lib/within.ts";
import { drainGate } from "./drains.ts";
import { GATE_DRAIN_MS, HOME_DRAIN_MS, HOME_LINGER_MS } from "./limits.ts";
import type { Members } from "./pool.ts";
import type { Runner } from "./runner.ts";

/** Lets the requests, events and calls of a home end, for a bounded time; it is to be stopped then. True: all did. */
export async function drainHome(
  { address, ended }: Runner,
  members: Pick<Members, "release" | "finishEvents">,
): Promise<boolean> {
  const { instanceId, versionId, gateSocket, eventsSocket } = address;
  const request = { instanceId, versionId, onlyIfIdle: false, closeWebSockets: true };
  const lost = ended.then(() => false);
  const inTime = (done: Promise<boolean>, timeoutMs: number) => within(Promise.race([done, lost]), timeoutMs, false);
  // A request may call another Worker that calls objects here: the gate stays open for those until it is done.
  const [answered, finished] = await Promise.all([
    inTime(members.release(request, "edges"), HOME_DRAIN_MS),
    eventsSocket === undefined || inTime(members.finishEvents(instanceId), HOME_DRAIN_MS),
  ]);
  const called = gateSocket === undefined || (await inTime(drainGate(gateSocket, GATE_DRAIN_MS), GATE_DRAIN_MS));
  const lingered = within(ended, HOME_LINGER_MS, undefined);
  // Connections that others keep to it end now: the gate has answered all calls on them.
  const released = await inTime(members.release(request, "services"), GATE_DRAIN_MS);
  await lingered;
  return answered && finished && called && released;
}
