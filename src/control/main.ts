import type { Server } from "node:http";
import { flushCompileCache } from "node:module";
import { availableParallelism } from "node:os";
import { ACCESS_PURPOSE } from "../domain/access.ts";
import { CONFIG_EXIT_CODE, type Config, ConfigError, readConfig } from "../domain/config.ts";
import type { MemberCalls, SupervisorCalls } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import { parentChannel } from "../lib/channel.ts";
import { updateDurably } from "../lib/durable-file.ts";
import { deriveKey, seal, unseal } from "../lib/seal.ts";
import { publishedJobs } from "../observe/logpush/job-store.ts";
import { CronScheduler } from "../products/cron/scheduler.ts";
import { sweepDatabasesLater } from "../products/d1/store.ts";
import { publishedKeys } from "../products/s3/key-store.ts";
import { restorePublishedSecrets } from "../products/secrets-store/registry.ts";
import { directoryBlobs } from "../store/blobs.ts";
import { migrate } from "../store/migrations/index.ts";
import type { Platform } from "../store/platform.ts";
import { SealedRowFile } from "../store/sealed-row-file.ts";
import { openDatabase } from "../store/sqlite.ts";
import { discardDeletedState } from "../workers/discard-state.ts";
import { endUnusedPreviews } from "../workers/previews/expire.ts";
import { endExpiredSessions } from "../workers/remote-sessions.ts";
import { AssetJobs } from "./asset-jobs.ts";
import { auditTrail } from "./audit.ts";
import { bootstrap } from "./bootstrap.ts";
import { servicesCaches } from "./caches.ts";
import { Certificates } from "./certificates.ts";
import { servicesDatabases } from "./databases.ts";
import { sendEvents } from "./events.ts";
import { PublicationLog } from "./publication-log.ts";
import { Publisher } from "./publisher.ts";
import { QuotaKeeper } from "./quota-keeper.ts";
import { Rollouts } from "./rollouts.ts";
import { allRoutes } from "./routes.ts";
import { restoreLaunchRecords, type SupervisorChannel, supervisorRuntime } from "./runtime.ts";
import { createApp, listen } from "./server.ts";
import { servicesCaller } from "./services-client.ts";
import { Tokens } from "./tokens.ts";

/** The snapshot is published this often although nothing changed: so the certificate is renewed in time. */
const REPUBLISH_MS = 86_400_000;

/** How often sessions of remote development and named previews are looked through for those that are over. */
const PAST_MS = 60_000;

/** Who does what nobody asked for. */
const PLATFORM_ACTOR = { tokenId: "", email: "freehold", scope: "admin" as const };

/** Bound on requests in flight when the platform stops. */
const DRAIN_MS = 10_000;

/** How often connections that became idle are closed meanwhile. */
const SWEEP_MS = 20;

/** The control role. Returns when it serves; the process ends with `drain` or with its supervisor. */
export async function runControl(): Promise<void> {
  // Sockets and files that others make for us are for this user alone, too.
  process.umask(0o077);
  process.once("disconnect", () => process.exit(0));
  // Ctrl-C reaches every process of the terminal; the supervisor decides when this one ends.
  process.on("SIGINT", () => {});
  const supervisor = parentChannel<SupervisorCalls, MemberCalls>();
  const control = await startControl(readConfig(process.env, availableParallelism()), supervisor).catch(giveUp);

  let isEnding = false;
  const end = () => {
    if (isEnding) return;
    isEnding = true;
    void control.stop().finally(() => process.exit(0));
  };
  process.on("SIGTERM", end);
  supervisor.handle("drain", () => {
    end();
    return {};
  });
  await supervisor.call("ready", {});
  // Node writes it at exit only, which a process that is killed never comes to; without it the next start is slow.
  flushCompileCache();
}

/** Ends the process with the reason as its last line, which is the one that the supervisor shows. */
function giveUp(error: unknown): never {
  if (!(error instanceof ConfigError)) console.error(error);
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(error instanceof ConfigError ? CONFIG_EXIT_CODE : 1);
}

/** Opens everything, serves, and publishes once. */
export async function startControl(config: Config, supervisor: SupervisorChannel): Promise<{ stop(): Promise<void> }> {
  const files = paths(config);
  const db = openDatabase(files.database);
  await migrate(db);
  const tokens = new Tokens(db);
  const { masterKey } = await bootstrap(config, db, tokens);
  await restoreLaunchRecords(db, files);
  await updateDurably(files.accessKey, deriveKey(masterKey, ACCESS_PURPOSE).toString("hex"));

  const certificates = new Certificates(files, config.domain);
  const openSealed: Platform["unseal"] = (sealed) => unseal(masterKey, sealed);
  const accessKeys = new SealedRowFile(db, files.accessKeys, openSealed, publishedKeys);
  const logpushJobs = new SealedRowFile(db, files.logpushJobs, openSealed, publishedJobs);
  const publisher = new Publisher({
    db,
    routesPath: files.routes,
    homesPath: files.homes,
    queuesPath: files.queueRecords,
    observedPath: files.observed,
    retentionMs: config.assets.retentionMs,
    dailyRequests: config.dailyRequests,
    log: new PublicationLog(files.publication),
    before: async (snapshot, skip) => {
      await accessKeys.write(skip);
      await logpushJobs.write(skip);
      await certificates.ensure(snapshot);
    },
    announce: async (generation) => {
      await supervisor.call("publish", { generation });
      jobs.versionMade();
    },
  });
  const platform: Platform = {
    config,
    db,
    blobs: directoryBlobs(files.blobs),
    runtime: supervisorRuntime(files, supervisor, publisher, sendEvents(supervisor)),
    databases: servicesDatabases(files.servicesSocket),
    caches: servicesCaches(files.servicesSocket),
    services: servicesCaller(files.servicesSocket),
    seal: (text) => seal(masterKey, text),
    unseal: openSealed,
    signingKey: (purpose) => deriveKey(masterKey, purpose),
    audit: auditTrail(db),
  };
  await restorePublishedSecrets(platform);
  const jobs = new AssetJobs(platform);
  await jobs.start();
  const rollouts = new Rollouts(platform, { checkMs: config.deployments.rolloutCheckMs });
  const app = createApp({ platform, tokens, routes: allRoutes(tokens), isPublished: () => publisher.published });
  const server = await listen(app, files.controlSocket);
  // One that fails is tried again on its own, and until it succeeds `/ready` says so.
  const publish = () => publisher.publish().catch((error) => console.error("Publishing routes failed:", error));
  await publish();
  // What an earlier process of this role did not come to.
  discardDeletedState(platform);
  sweepDatabasesLater(platform);
  const cron = new CronScheduler(platform);
  cron.start();
  rollouts.start();
  const quotas = new QuotaKeeper(platform);
  quotas.start();
  // One that fails is tried again with the next.
  const endPast = () =>
    Promise.all([
      endExpiredSessions(platform, PLATFORM_ACTOR),
      endUnusedPreviews(platform, PLATFORM_ACTOR, config.previewLifeMs),
    ]).catch((error) => console.error("Ending sessions and previews that are over failed:", error));
  await endPast();
  const ends = setInterval(endPast, PAST_MS).unref();
  const republish = setInterval(publish, REPUBLISH_MS).unref();

  return {
    async stop() {
      clearInterval(republish);
      clearInterval(ends);
      publisher.stop();
      await closeServer(server);
      await Promise.all([rollouts.stop(), quotas.stop()]);
      await Promise.all([jobs.stop(), cron.stop()]);
      await db.destroy();
    },
  };
}

/** Lets requests in flight finish, within {@link DRAIN_MS}. */
async function closeServer(server: Server): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  // A connection whose last request ends now is idle, and kept alive by the edge.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  await new Promise((resolve) => server.close(resolve));
  clearInterval(sweep);
  clearTimeout(cut);
}
