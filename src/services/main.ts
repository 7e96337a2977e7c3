import { availableParallelism } from "node:os";
import { readConfig } from "../domain/config.ts";
import type { ServicesCalls, SupervisorCalls } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import { parentChannel } from "../lib/channel.ts";
import { AssetSockets } from "./asset-sockets.ts";
import { Broker } from "./broker.ts";
import { Callees } from "./callees.ts";
import { ACQUIRE_TIMEOUT_MS, DRAIN_TIMEOUT_MS } from "./limits.ts";
import { Links } from "./links.ts";
import { Deployments } from "./snapshot.ts";

/** The services role: back-ends of bindings, for all runners. Ends with the supervisor. */
export async function runServices(): Promise<void> {
  const files = paths(readConfig(process.env, availableParallelism()));
  const { routes } = files;
  const supervisor = parentChannel<SupervisorCalls, ServicesCalls>();
  process.on("disconnect", () => process.exit(0));
  // The terminal sends Ctrl-C to the whole group; the supervisor says when to end.
  process.on("SIGINT", () => {});

  const deployments = new Deployments();
  const callees = new Callees();
  const broker = new Broker({
    deployments,
    callees,
    acquire: (versionId) => supervisor.call("acquire", { versionId }, ACQUIRE_TIMEOUT_MS),
  });
  const links = new Links((connection, accountId, to) => void broker.call(connection, accountId, to));
  const assets = new AssetSockets(files);

  supervisor.handle("attach", async (request) => {
    await Promise.all([links.attach(request), assets.attach(request)]);
    return {};
  });
  supervisor.handle("detach", ({ instanceId }) => {
    links.detach(instanceId);
    assets.detach(instanceId);
    return {};
  });
  supervisor.handle("routes", async () => {
    await deployments.loadFile(routes);
    return {};
  });
  supervisor.handle("release", async ({ instanceId, versionId, onlyIfIdle }) => {
    if (onlyIfIdle) return { released: callees.isIdle(instanceId, versionId) };
    await callees.release(instanceId);
    return { released: true };
  });
  supervisor.handle("inFlight", ({ instanceId }) => ({ count: callees.inFlight(instanceId) }));
  supervisor.handle("gone", ({ instanceId }) => {
    callees.gone(instanceId);
    return {};
  });
  supervisor.handle("drain", () => {
    links.detachAll();
    void exitWhenIdle(broker, assets.detachAll());
    return {};
  });

  await deployments.loadFile(routes);
  await supervisor.call("ready", {});
}

async function exitWhenIdle({ calls }: Broker, assets: Promise<void>): Promise<void> {
  setTimeout(() => process.exit(0), DRAIN_TIMEOUT_MS);
  await assets;
  await Promise.all([...calls].map((call) => new Promise((resolve) => call.once("close", resolve))));
  // Leaves time for the answer to `drain` to reach the supervisor.
  setImmediate(() => process.exit(0));
}
