import { availableParallelism } from "node:os";
import { readConfig } from "../domain/config.ts";
import type { EdgeCalls, SupervisorCalls } from "../domain/messages.ts";
import { parentChannel } from "../lib/channel.ts";
import { createEdge } from "./edge.ts";
import { edgeLimits } from "./limits.ts";

/** The edge role: one process of it, under the supervisor. Resolves when it serves. */
export async function runEdge(): Promise<void> {
  const config = readConfig(process.env, availableParallelism());
  const supervisor = parentChannel<SupervisorCalls, EdgeCalls>();
  const edge = createEdge({
    config,
    supervisor: {
      acquire: (versionId) => supervisor.call("acquire", { versionId }, edgeLimits.acquireMs),
      verdict: async (instanceId) => (await supervisor.call("verdict", { instanceId }, edgeLimits.verdictMs)).cause,
      exceeded: (request) => void supervisor.call("exceeded", request).catch(() => {}),
    },
  });

  const drain = async () => {
    await edge.drain();
    process.exit(0);
  };
  supervisor.handle("routes", async () => {
    await edge.reload();
    return {};
  });
  supervisor.handle("release", async ({ instanceId, onlyIfIdle, closeWebSockets }) => ({
    released: await edge.runners.release(instanceId, onlyIfIdle, closeWebSockets),
  }));
  supervisor.handle("inFlight", ({ instanceId }) => ({ count: edge.runners.inFlight(instanceId) }));
  supervisor.handle("counts", () => edge.counts());
  supervisor.handle("gone", ({ instanceId, cause }) => {
    edge.runners.gone(instanceId, cause);
    return {};
  });
  supervisor.handle("drain", () => {
    void drain();
    return {};
  });
  process.on("disconnect", () => process.exit(1));
  // Ctrl-C reaches every process of the terminal; the supervisor says what to do about it.
  process.on("SIGINT", () => {});
  process.once("SIGTERM", () => void drain());

  await edge.reload();
  await edge.listen();
  await supervisor.call("ready", {});
}
