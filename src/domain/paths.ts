import { join } from "node:path";
import type { Config } from "./config.ts";

/** Where everything lives under the data directory. The one place that knows file names. */
export function paths(config: Pick<Config, "dataDir" | "runDir">) {
  const { dataDir, runDir } = config;
  return {
    database: join(dataDir, "freehold.db"),
    /** Key that seals secrets at rest; 32 random bytes, mode 0600. */
    masterKey: join(dataDir, "master.key"),
    /** Key of access tokens, derived from the master key, for edges; 64 hex digits, mode 0600. */
    accessKey: join(dataDir, "access.key"),
    blobs: join(dataDir, "blobs"),
    /** Contents of static assets by account and the client's hash, with their encoded variants beside them. */
    assets: join(dataDir, "assets"),
    /** Launch records, one `<versionId>.json` each: all the supervisor needs to start a version. */
    versions: join(dataDir, "versions"),
    launchRecord: (versionId: string) => join(dataDir, "versions", `${versionId}.json`),
    /** The routing snapshot that edges and services load. */
    routes: join(dataDir, "routes.json"),
    /** Which version owns which state; for the supervisor and services. */
    homes: join(dataDir, "homes.json"),
    /** Durable Objects, and instances of workflows: a directory for each namespace or workflow, with `<id>.lock` beside it. */
    state: join(dataDir, "state"),
    stateOf: (stateId: string) => join(dataDir, "state", stateId),
    /** The same for versions that are not deployed: data of their own. */
    previewState: join(dataDir, "preview-state"),
    previewStateOf: (versionId: string, stateId: string) => join(dataDir, "preview-state", versionId, stateId),
    /** D1 databases of an account: a directory for each. */
    databases: (accountId: string) => join(dataDir, "d1", accountId),
    databaseOf: (accountId: string, databaseId: string) => join(dataDir, "d1", accountId, databaseId),
    /** Responses that Workers put into their caches. */
    responses: join(dataDir, "cache", "responses"),
    /** KV namespaces: a directory for each. */
    kv: join(dataDir, "kv"),
    kvOf: (accountId: string, namespaceId: string) => join(dataDir, "kv", accountId, namespaceId),
    /** Secrets of the Secrets Store by account and store, sealed, for the services role. */
    secrets: join(dataDir, "secrets-store"),
    /** R2: names and settings of buckets, their indexes, and contents. */
    r2: join(dataDir, "r2"),
    /** Access keys of the S3 API with their sealed secrets; for services. */
    accessKeys: join(dataDir, "access-keys.json"),
    /** Messages of queues: a directory for each. */
    queues: join(dataDir, "queues"),
    /** Which queues there are, and who consumes them; for services. */
    queueRecords: join(dataDir, "queues.json"),
    /** Scripts of whose invocations somebody wants to know; for the supervisor and services. */
    observed: join(dataDir, "observed.json"),
    /** What is wrong with what is published, if anything; for `freehold doctor`. */
    publication: join(dataDir, "publication.json"),
    /** Logpush jobs with their sealed destinations; for services. */
    logpushJobs: join(dataDir, "logpush.json"),
    /** What waits to be pushed: a directory for each job, in its account's. */
    logpush: join(dataDir, "logpush"),
    /** Data points of an account: a directory for each dataset (`products/analytics/host/files.ts`). */
    analytics: (accountId: string) => join(dataDir, "analytics", accountId),
    analyticsRoot: join(dataDir, "analytics"),
    /** Stored logs of an account. */
    logs: (accountId: string) => join(dataDir, "logs", accountId),
    logsRoot: join(dataDir, "logs"),
    wranglerEnv: join(dataDir, "wrangler.env"),
    /** SQLite file whose exclusive lock means "a supervisor owns this directory". */
    lock: join(dataDir, "lock.db"),
    /** Process ids of runners, so that those of a killed supervisor can be ended. */
    runnerPids: join(dataDir, "runners.pid"),
    /** Node's cache of compiled modules, for a quick and lean start of the roles. */
    compileCache: join(dataDir, "cache", "compiled"),
    tls: {
      authority: join(dataDir, "tls", "ca.pem"),
      authorityKey: join(dataDir, "tls", "ca.key"),
      certificate: join(dataDir, "tls", "cert.pem"),
      key: join(dataDir, "tls", "cert.key"),
    },
    /** The same for domains that are not below the base domain: a directory for each. */
    domainsTls: join(dataDir, "tls", "domains"),
    tlsOf: (domain: string) => ({
      authority: join(dataDir, "tls", "domains", domain, "ca.pem"),
      authorityKey: join(dataDir, "tls", "domains", domain, "ca.key"),
      certificate: join(dataDir, "tls", "domains", domain, "cert.pem"),
      key: join(dataDir, "tls", "domains", domain, "cert.key"),
    }),
    controlSocket: join(runDir, "control.sock"),
    /** Where services hands the edge what Workers fetch from hosts of this platform. */
    edgeSocket: join(runDir, "edge.sock"),
    /** Where control asks services: HTTP, for the platform itself only. */
    servicesSocket: join(runDir, "services.sock"),
    /** Where edges hand over requests for the hosts of storage. */
    storageSocket: join(runDir, "storage.sock"),
    /** Where edges hand over WebSockets of live logs. */
    tailsSocket: join(runDir, "tails.sock"),
    /** Runners that should report their invocations and do not (`domain/silent-runners.ts`), while the platform runs. */
    silentRunners: join(runDir, "silent-runners.json"),
    /** The system call filter that runners are started with. */
    seccompFilter: join(runDir, "seccomp.bpf"),
    /** A runner instance's own directory of sockets. */
    instance: (instanceId: string) => join(runDir, instanceId),
  };
}
