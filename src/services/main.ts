import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { readConfig } from "../domain/config.ts";
import type { Delivery, RunnerEvent } from "../domain/events.ts";
import { Homes } from "../domain/homes.ts";
import type { Cause, HostKind, ServicesCalls, SupervisorCalls } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import { chooseVersion } from "../domain/routing.ts";
import type { TraceItem, TraceListener } from "../domain/trace.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { parentChannel } from "../lib/channel.ts";
import { ExceededRunners } from "../observe/exceeded-runners.ts";
import { TraceIntake } from "../observe/intake.ts";
import { TAIL_CALL_MS } from "../observe/limits.ts";
import { TailSessions } from "../observe/live/sessions.ts";
import { ObservedScripts } from "../observe/observed.ts";
import { SourceMaps } from "../observe/source-maps/source-maps.ts";
import { TailWorkers } from "../observe/tail-workers/tail-workers.ts";
import { traceSource } from "../observe/trace-source.ts";
import { KvNamespaces } from "../products/kv/namespaces.ts";
import { PushConsumers } from "../products/queues/push-consumers.ts";
import { Queues } from "../products/queues/queues.ts";
import { Buckets } from "../products/r2/buckets.ts";
import { SecretReader } from "../products/secrets-store/published.ts";
import { Callees } from "../workerd/callees.ts";
import { EventSender } from "../workerd/event-sender.ts";
import { AccessKeysOfFile } from "./access-keys.ts";
import { Analytics } from "./analytics.ts";
import { AssetSockets } from "./asset-sockets.ts";
import { Backends } from "./backends.ts";
import { Broker } from "./broker.ts";
import { Caches } from "./caches.ts";
import { Databases } from "./databases.ts";
import { Images } from "./images.ts";
import { ACQUIRE_TIMEOUT_MS, DRAIN_TIMEOUT_MS } from "./limits.ts";
import { Links } from "./links.ts";
import { LiveTails } from "./live-tails.ts";
import { LogStore } from "./log-store.ts";
import { LogpushOfFile } from "./logpush.ts";
import { notificationQueue } from "./notification-queue.ts";
import { Outbound } from "./outbound.ts";
import { ProductsApi } from "./products-api.ts";
import { BucketDomains, Deployments, loadHomes, loadObserved, loadQueues, loadRoutes } from "./snapshot.ts";
import { Storage } from "./storage.ts";
import { VersionLinks } from "./version-links.ts";

/** The services role: back-ends of bindings, for all runners. Ends with the supervisor. */
export async function runServices(): Promise<void> {
  const config = readConfig(process.env, availableParallelism());
  const files = paths(config);
  const supervisor = parentChannel<SupervisorCalls, ServicesCalls>();
  process.on("disconnect", () => process.exit(0));
  // The terminal sends Ctrl-C to the whole group; the supervisor says when to end.
  process.on("SIGINT", () => {});

  const deployments = new Deployments();
  let homes = new Homes();
  const callees = new Callees();
  const acquire = (versionId: string) => supervisor.call("acquire", { versionId }, ACQUIRE_TIMEOUT_MS);
  const verdict = async (instanceId: string) => (await supervisor.call("verdict", { instanceId })).cause;
  const exceeded = new ExceededRunners((versionId, item) => {
    // Nobody asks for what a version did that was deleted meanwhile.
    takeItem(versionId, item).catch(() => {});
  });
  const broker = new Broker({
    deployments,
    homes: () => homes,
    callees,
    acquire,
    lost: ({ instanceId, versionId, traced }) => {
      if (!traced) return;
      const tell = (cause: Cause) => {
        if (cause !== "cpu" && cause !== "memory") return;
        exceeded.invocation({ instanceId, versionId, cause, event: { isCall: true } });
      };
      verdict(instanceId).then(tell, () => {});
    },
  });
  const events = new EventSender({ acquire, verdict, exceeded: (invocation) => exceeded.invocation(invocation) });
  const links = new Links((connection, accountId, to) => void broker.call(connection, accountId, to));
  const assets = new AssetSockets(files);
  const outbound = new Outbound(files.edgeSocket);
  const startHost = (kind: HostKind) => async (hostId: string, accountId: string) =>
    (await supervisor.call("databaseHost", { hostId, accountId, kind })).socket;
  const endHost = (hostId: string) => supervisor.call("endDatabaseHost", { hostId });
  const databases = new Databases({ startHost: startHost("d1"), endHost, queryMs: config.state.queryMs });
  const images = new Images(startHost("images"), endHost);
  const caches = new Caches(files.responses, config.cacheBytes);
  const kv = new KvNamespaces(files.kv);
  const secrets = new SecretReader(files.secrets, files.masterKey);
  const keys = new AccessKeysOfFile(files.accessKeys, files.masterKey);
  const analytics = new Analytics({
    root: files.analyticsRoot,
    settings: config.analytics,
    startHost,
    endHost,
  });
  const dataPoints = analytics.intake;
  const queues = new Queues(files.queues);
  const buckets = new Buckets(files.r2, { enqueue: notificationQueue(queues) });
  const bucketDomains = new BucketDomains();
  const storage = new Storage({ domain: config.domain, keys, buckets, bucketDomains });
  /** To one of the versions that are deployed. */
  const deliver = (accountId: string, script: string, event: RunnerEvent, timeoutMs?: number): Promise<Delivery> => {
    const shares = deployments.find(accountId, script);
    const versionId = shares && chooseVersion(shares, Math.random());
    if (versionId !== undefined) return events.deliver(versionId, event, timeoutMs);
    const message = `Worker "${script}" ${shares ? "has no deployment" : "does not exist"}.`;
    return Promise.resolve({ outcome: "scriptNotFound", begun: false, message });
  };
  const consumers = new PushConsumers(queues, ({ accountId, script }, batch) => deliver(accountId, script, batch));
  const observed = new ObservedScripts();
  const tails = new TailSessions({
    changed: async (scripts, opened) => (await supervisor.call("trace", { scripts, ...(opened && { opened }) })).silent,
  });
  const liveTails = new LiveTails(tails);
  const sourceMaps = new SourceMaps(files);
  const logpush = new LogpushOfFile({ config, files, observed, buckets, keys });
  const tailWorkers = new TailWorkers({
    consumersOf: ({ accountId, script }) => observed.find(accountId, script)?.tailConsumers ?? [],
    deliver: (accountId, script, event) => deliver(accountId, script, event, TAIL_CALL_MS),
    log: (line) => console.error(line),
  });
  const logs = new LogStore({ root: files.logsRoot, settings: config.logs, startHost, endHost, observed });
  /** Who takes what runners report of invocations. */
  const traceListeners: TraceListener[] = [tails, tailWorkers, logs.intake, logpush];
  const traces = new TraceIntake({
    listeners: traceListeners,
    mapStacks: (source, items) => sourceMaps.mapStacks(source, items),
    dropped: (source, count) => logs.intake.dropped(source, count),
  });
  const takeItem = async (versionId: string, item: TraceItem) => {
    const record: LaunchRecord = JSON.parse(await readFile(files.launchRecord(versionId), "utf8"));
    traces.take(traceSource(record), [item]);
  };
  const backends = new Backends({
    databases,
    images,
    caches,
    kv,
    buckets,
    secrets,
    queues,
    dataPoints,
    versions: new VersionLinks(deployments, links),
    traces,
    launchRecord: files.launchRecord,
  });
  const deliveryFailure = (queueId: string) => consumers.failure(queueId);
  const productsApi = new ProductsApi({
    databases,
    caches,
    kv,
    buckets,
    queues,
    deliveryFailure,
    analytics,
    logs,
    tails,
    logpush,
  });

  /** A script that comes later with the name of one that was deleted must not find its responses. */
  const forgetScripts = () => {
    void caches
      .keepScripts((accountId, script) => deployments.find(accountId, script) !== undefined)
      .catch((error: unknown) => caches.failed(error));
  };

  const readRoutes = async () => {
    const snapshot = await loadRoutes(files.routes);
    if (snapshot === undefined) return;
    deployments.load(snapshot);
    bucketDomains.load(snapshot);
  };

  /** Before control has written any there are none; their messages, if there are some, wait. */
  const readQueues = async () => {
    const snapshot = await loadQueues(files.queueRecords);
    if (snapshot) queues.load(snapshot);
  };

  supervisor.handle("attach", async (request) => {
    await Promise.all([
      links.attach(request),
      assets.attach(request),
      backends.attach(request),
      outbound.attach(request),
    ]);
    return {};
  });
  supervisor.handle("detach", ({ instanceId }) => {
    links.detach(instanceId);
    assets.detach(instanceId);
    backends.detach(instanceId);
    outbound.detach(instanceId);
    return {};
  });
  supervisor.handle("exceeded", (request) => {
    if ("event" in request) exceeded.invocation(request);
    else exceeded.ended(request);
    return {};
  });
  supervisor.handle("routes", async () => {
    homes = await loadHomes(files.homes);
    await readRoutes();
    observed.load(await loadObserved(files.observed));
    await keys.reload();
    await logpush.reload();
    await readQueues();
    consumers.retryFailed();
    forgetScripts();
    return {};
  });
  supervisor.handle("release", async ({ instanceId, versionId, onlyIfIdle, closeWebSockets }) => {
    if (onlyIfIdle) {
      return { released: callees.isIdle(instanceId, versionId) && events.isIdle(instanceId, versionId) };
    }
    await callees.release(instanceId, closeWebSockets);
    return { released: true };
  });
  supervisor.handle("finishEvents", async ({ instanceId }) => {
    await events.finish(instanceId);
    return {};
  });
  supervisor.handle("inFlight", ({ instanceId }) => ({
    count: callees.inFlight(instanceId) + events.inFlight(instanceId),
  }));
  supervisor.handle("gone", ({ instanceId }) => {
    callees.gone(instanceId);
    events.gone(instanceId);
    return {};
  });
  supervisor.handle("drain", () => {
    links.detachAll();
    outbound.detachAll();
    liveTails.close();
    const sockets = Promise.all([assets.detachAll(), backends.detachAll(), productsApi.close(), storage.close()]);
    void exitWhenIdle(
      broker,
      Promise.all([sockets, consumers.stop(), tailWorkers.stop()]).then(() => {
        sourceMaps.close();
        logpush.close();
        kv.close();
        buckets.close();
        return Promise.all([queues.close(), analytics.close(), logs.close()]);
      }),
    );
    return {};
  });

  homes = await loadHomes(files.homes);
  await readRoutes();
  observed.load(await loadObserved(files.observed));
  await keys.reload();
  await logpush.reload();
  await readQueues();
  forgetScripts();
  await storage.listen(files.storageSocket);
  await liveTails.listen(files.tailsSocket);
  void analytics.keep();
  void logs.keep();
  await productsApi.listen(files.servicesSocket);
  await supervisor.call("ready", {});
}

async function exitWhenIdle({ calls }: Broker, sockets: Promise<unknown>): Promise<void> {
  setTimeout(() => process.exit(0), DRAIN_TIMEOUT_MS);
  await sockets;
  await Promise.all([...calls].map((call) => new Promise((resolve) => call.once("close", resolve))));
  // Leaves time for the answer to `drain` to reach the supervisor.
  setImmediate(() => process.exit(0));
}
