import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Everything a Freehold process needs to know before it can do its role. Read once, never changed. */
export interface Config {
  /** Absolute path of the data directory. */
  dataDir: string;
  /** Directory of unix sockets; short enough for the kernel's limit of 108 bytes a path. */
  runDir: string;
  host: string;
  /** Public port. 0 only in the supervisor, which replaces it before it starts the other roles. */
  port: number;
  /**
   * A second public port, for HTTP and HTTPS like the first; 0: none. With 443 the URLs that clients print need no port, and
   * remote development works, whose client knows no other port.
   */
  httpsPort: number;
  /** Base domain, lower case, without port. */
  domain: string;
  /** Number of edge processes. */
  edges: number;
  /** A runner without CPU use and requests for this long is stopped. */
  runnerIdleMs: number;
  /** CIDR ranges that Workers may reach although they are private. */
  allowPrivate: string[];
  /** `auto`: use bubblewrap when it works; `off`: never; `required`: refuse to start without it. */
  sandbox: "auto" | "off" | "required";
  /** Largest request body the edge passes on to a Worker, in bytes (413 beyond). */
  maxBodyBytes: number;
  /** Bytes on disk of responses that Workers put into their caches, all together. */
  cacheBytes: number;
  /** Named previews that nobody has deployed to for so long are deleted. 0: never. */
  previewLifeMs: number;
  assets: AssetSettings;
  state: StateSettings;
  analytics: AnalyticsSettings;
  logs: LogSettings;
  logpush: LogpushSettings;
  deployments: DeploymentSettings;
  /** Requests of one account that may reach code in a UTC day. 0: any number. */
  dailyRequests: number;
}

/** What an operator may choose about deployments. */
export interface DeploymentSettings {
  /** Versions that one deployment may have. */
  maxVersions: number;
  /** How often rollouts are looked after. */
  rolloutCheckMs: number;
}

/** What an operator may choose about Analytics Engine. */
export interface AnalyticsSettings {
  /** How long data points are kept. */
  retentionMs: number;
  /** Bytes of one account's data points; beyond, the oldest days are removed. */
  maxAccountBytes: number;
}

/** What an operator may choose about stored logs. */
export interface LogSettings {
  /** How long they are kept. */
  retentionMs: number;
  /** Bytes of one account's logs; beyond, the oldest are removed. */
  maxAccountBytes: number;
}

/** What an operator may choose about Logpush. */
export interface LogpushSettings {
  /** A batch is pushed that long after its first record, when its job says nothing. */
  intervalMs: number;
  /** Bytes that may wait for one job's destination; beyond, the oldest are dropped. */
  maxSpoolBytes: number;
}

/** What an operator may choose about Durable Objects and databases. */
export interface StateSettings {
  /** V8 heap of a runner that owns objects: all objects of a script share it. */
  homeMemoryMb: number;
  /** How far back a D1 database can be restored. */
  timeTravelMs: number;
  /** Longest time of one D1 query or batch. */
  queryMs: number;
  /** Largest D1 database, and largest Durable Object. */
  maxDatabaseBytes: number;
}

/** What an operator may choose about static assets. */
export interface AssetSettings {
  /** Files of one version. */
  maxFiles: number;
  /** Bytes of one file. */
  maxFileBytes: number;
  /** How long files of a version stay reachable after another replaced it. 0: not at all. */
  retentionMs: number;
  /** Memory for contents, of all edges together. */
  cacheBytes: number;
}

/** Longest `$FREEHOLD_DATA/run` that still leaves room for `<instance>/<socket>` under 108 bytes. */
const MAX_RUN_DIR_LENGTH = 60;

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

/** A mistake in the environment: `message` says what, why and what to do. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/**
 * Exit code of a process of the platform that only the operator can help (EX_CONFIG of sysexits.h); its last line is the message of a
 * {@link ConfigError}. It is not started again.
 */
export const CONFIG_EXIT_CODE = 78;

/** Reads the configuration from environment variables. Throws {@link ConfigError} on a bad value. */
export function readConfig(env: Record<string, string | undefined>, cpuCount: number): Config {
  const dataDir = resolve(env.FREEHOLD_DATA || "./.freehold");
  const runDir = join(dataDir, "run");
  return {
    dataDir,
    runDir:
      runDir.length <= MAX_RUN_DIR_LENGTH
        ? runDir
        : join(tmpdir(), `freehold-${createHash("sha256").update(dataDir).digest("hex").slice(0, 12)}`),
    host: env.FREEHOLD_HOST || "127.0.0.1",
    port: integer(env, "FREEHOLD_PORT", 8787, 0, 65535),
    httpsPort: integer(env, "FREEHOLD_HTTPS_PORT", 0, 0, 65535),
    domain: domainName(env.FREEHOLD_DOMAIN || "localhost"),
    // Only Linux spreads connections over several listeners of one port (SO_REUSEPORT).
    edges: integer(env, "FREEHOLD_EDGES", process.platform === "linux" ? cpuCount : 1, 1, 64),
    runnerIdleMs: integer(env, "FREEHOLD_RUNNER_IDLE_SECONDS", 600, 1, 86_400) * 1000,
    allowPrivate: (env.FREEHOLD_ALLOW_PRIVATE || "")
      .split(",")
      .map((range) => range.trim())
      .filter(Boolean)
      .map(cidr),
    sandbox: oneOf(env, "FREEHOLD_SANDBOX", ["auto", "off", "required"]),
    maxBodyBytes: integer(env, "FREEHOLD_MAX_BODY_MB", 100, 1, 1_000_000) * 1_000_000,
    cacheBytes: integer(env, "FREEHOLD_CACHE_MB", 1024, 0, 1_000_000) * MIB,
    previewLifeMs: integer(env, "FREEHOLD_PREVIEW_DAYS", 90, 0, 3650) * DAY_MS,
    assets: {
      maxFiles: integer(env, "FREEHOLD_ASSET_MAX_FILES", 100_000, 1, 1_000_000),
      maxFileBytes: integer(env, "FREEHOLD_ASSET_MAX_FILE_MB", 25, 1, 4000) * MIB,
      retentionMs: integer(env, "FREEHOLD_ASSET_RETENTION_HOURS", 24, 0, 8760) * 3_600_000,
      cacheBytes: integer(env, "FREEHOLD_ASSET_CACHE_MB", 256, 1, 1_000_000) * MIB,
    },
    state: {
      homeMemoryMb: integer(env, "FREEHOLD_HOME_MEMORY_MB", 512, 128, 65_536),
      timeTravelMs: integer(env, "FREEHOLD_D1_RETENTION_DAYS", 30, 0, 3650) * DAY_MS,
      queryMs: integer(env, "FREEHOLD_D1_QUERY_SECONDS", 30, 1, 3600) * 1000,
      maxDatabaseBytes: integer(env, "FREEHOLD_DATABASE_MAX_MB", 10_000, 1, 1_000_000) * 1_000_000,
    },
    analytics: {
      retentionMs: integer(env, "FREEHOLD_ANALYTICS_DAYS", 92, 1, 3650) * DAY_MS,
      maxAccountBytes: integer(env, "FREEHOLD_ANALYTICS_MAX_MB", 10_000, 1, 10_000_000) * 1_000_000,
    },
    logs: {
      retentionMs: integer(env, "FREEHOLD_LOG_DAYS", 7, 1, 3650) * DAY_MS,
      maxAccountBytes: integer(env, "FREEHOLD_LOG_MAX_MB", 2000, 1, 10_000_000) * 1_000_000,
    },
    logpush: {
      intervalMs: integer(env, "FREEHOLD_LOGPUSH_SECONDS", 30, 1, 300) * 1000,
      maxSpoolBytes: integer(env, "FREEHOLD_LOGPUSH_SPOOL_MB", 256, 16, 1_000_000) * MIB,
    },
    deployments: {
      maxVersions: integer(env, "FREEHOLD_MAX_DEPLOYMENT_VERSIONS", 2, 1, 20),
      rolloutCheckMs: integer(env, "FREEHOLD_ROLLOUT_CHECK_SECONDS", 10, 1, 3600) * 1000,
    },
    dailyRequests: integer(env, "FREEHOLD_DAILY_REQUESTS", 0, 0, 1_000_000_000),
  };
}

/** The same configuration as environment variables, for a child process. */
export function configEnvironment(config: Config): Record<string, string> {
  return {
    FREEHOLD_DATA: config.dataDir,
    FREEHOLD_PORT: String(config.port),
    FREEHOLD_HTTPS_PORT: String(config.httpsPort),
    FREEHOLD_HOST: config.host,
    FREEHOLD_DOMAIN: config.domain,
    FREEHOLD_EDGES: String(config.edges),
    FREEHOLD_RUNNER_IDLE_SECONDS: String(config.runnerIdleMs / 1000),
    FREEHOLD_ALLOW_PRIVATE: config.allowPrivate.join(","),
    FREEHOLD_SANDBOX: config.sandbox,
    FREEHOLD_MAX_BODY_MB: String(config.maxBodyBytes / 1_000_000),
    FREEHOLD_CACHE_MB: String(config.cacheBytes / MIB),
    FREEHOLD_PREVIEW_DAYS: String(config.previewLifeMs / DAY_MS),
    FREEHOLD_ASSET_MAX_FILES: String(config.assets.maxFiles),
    FREEHOLD_ASSET_MAX_FILE_MB: String(config.assets.maxFileBytes / MIB),
    FREEHOLD_ASSET_RETENTION_HOURS: String(config.assets.retentionMs / 3_600_000),
    FREEHOLD_ASSET_CACHE_MB: String(config.assets.cacheBytes / MIB),
    FREEHOLD_HOME_MEMORY_MB: String(config.state.homeMemoryMb),
    FREEHOLD_D1_RETENTION_DAYS: String(config.state.timeTravelMs / DAY_MS),
    FREEHOLD_D1_QUERY_SECONDS: String(config.state.queryMs / 1000),
    FREEHOLD_DATABASE_MAX_MB: String(config.state.maxDatabaseBytes / 1_000_000),
    FREEHOLD_ANALYTICS_DAYS: String(config.analytics.retentionMs / DAY_MS),
    FREEHOLD_ANALYTICS_MAX_MB: String(config.analytics.maxAccountBytes / 1_000_000),
    FREEHOLD_LOG_DAYS: String(config.logs.retentionMs / DAY_MS),
    FREEHOLD_LOG_MAX_MB: String(config.logs.maxAccountBytes / 1_000_000),
    FREEHOLD_LOGPUSH_SECONDS: String(config.logpush.intervalMs / 1000),
    FREEHOLD_LOGPUSH_SPOOL_MB: String(config.logpush.maxSpoolBytes / MIB),
    FREEHOLD_MAX_DEPLOYMENT_VERSIONS: String(config.deployments.maxVersions),
    FREEHOLD_ROLLOUT_CHECK_SECONDS: String(config.deployments.rolloutCheckMs / 1000),
    FREEHOLD_DAILY_REQUESTS: String(config.dailyRequests),
  };
}

/** Port of the https URLs that people are given, as it stands behind the host: empty for 443. */
export function securePortSuffix({ port, httpsPort }: Pick<Config, "port" | "httpsPort">): string {
  const secure = httpsPort || port;
  return secure === 443 ? "" : `:${secure}`;
}

/** The API as clients on this machine or network reach it. */
export function apiUrl(config: Pick<Config, "host" | "port" | "domain">): string {
  const isLoopback = config.host === "localhost" || config.host === "::1" || config.host.startsWith("127.");
  return `http://${isLoopback ? "localhost" : config.domain}:${config.port}/client/v4`;
}

function integer(
  env: Record<string, string | undefined>,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const text = env[name];
  if (!text) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new ConfigError(`${name} is "${text}"; it must be a whole number from ${min} to ${max}.`);
  }
  return value;
}

function oneOf<T extends string>(
  env: Record<string, string | undefined>,
  name: string,
  values: readonly [T, ...T[]],
): T {
  const text = env[name];
  if (!text) return values[0];
  const value = values.find((candidate) => candidate === text);
  if (!value) throw new ConfigError(`${name} is "${text}"; it must be one of ${values.join(", ")}.`);
  return value;
}

function domainName(text: string): string {
  const domain = text.toLowerCase();
  if (!/^(?=.{1,200}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(domain)) {
    throw new ConfigError(
      `FREEHOLD_DOMAIN is "${text}"; it must be a host name such as example.com, without scheme or port.`,
    );
  }
  return domain;
}

function cidr(text: string): string {
  if (!/^[0-9a-fA-F.:]+\/\d{1,3}$/.test(text)) {
    throw new ConfigError(
      `FREEHOLD_ALLOW_PRIVATE holds "${text}"; each entry must be a CIDR range such as 10.0.0.0/8.`,
    );
  }
  return text;
}
