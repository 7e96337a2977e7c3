/**
 * What is known of an invocation once it is over: the runtime's report, and whose it was. Field names are those of the
 * original's trace events, which clients and Tail Workers read (source: workers-semantics.md, real-time logs).
 */

/** Key of {@link TraceItem} for what only Tail Workers may ask for. No JSON shows it. */
export const UNREDACTED = Symbol("unredacted");

/** What was left out of a request: its URL, and the values of headers by lower-case name, where they differ. */
export interface Unredacted {
  url?: string;
  headers?: Record<string, string>;
}

/** One invocation, as the runtime reports it through `workerd/tail.worker.js`. */
export interface TraceItem {
  /** When it began, in milliseconds since 1970. */
  eventTimestamp: number | null;
  /** `ok`, `exception`, … */
  outcome: string;
  /**
   * What was handled, such as `{request, response?}`, `{cron, scheduledTime}`, `{queue, batchSize}`, `{rpcMethod}`. Of a
   * request, what may be a secret reads `REDACTED`: the runtime sees to that.
   */
  event: Record<string, unknown> | null;
  [UNREDACTED]?: Unredacted;
  logs: TraceLog[];
  exceptions: TraceException[];
  diagnosticsChannelEvents: unknown[];
  entrypoint?: string;
  executionModel: "stateless" | "durableObject" | "workflow";
  durableObjectId?: string;
  /** Logs were left out: the runtime keeps about 256 KB of an invocation. */
  truncated: boolean;
  /** Milliseconds. The runtime reports 0; see `wallTime`. */
  cpuTime: number;
  /** Milliseconds from its beginning to its very end, `waitUntil` included. */
  wallTime: number;
}

export interface TraceLog {
  level: "debug" | "info" | "log" | "warn" | "error";
  message: unknown[];
  timestamp: number;
  errorInfo?: { name: string; message: string; stack?: string }[];
}

export interface TraceException {
  name: string;
  message: string;
  stack?: string;
  timestamp: number;
}

/** Whose invocations they are. */
export interface TraceSource {
  accountId: string;
  /** Name of the script; that of a Pages project is `pages-worker--<project>`. */
  script: string;
  versionId: string;
  /** Annotation `workers/tag` of the version; empty: none. */
  versionTag: string;
}

/** What control publishes in `observed.json`. */
export interface ObservedSnapshot {
  scripts: ObservedScript[];
}

/** Why a script's invocations are reported at all; a script without a reason costs nothing. Published in `observed.json`. */
export interface ObservedScript {
  accountId: string;
  script: string;
  /** Logs are stored: the share of invocations (0 to 1), and whether each has a record of its own beside what it logged. */
  stored?: { headSamplingRate: number; invocationLogs: boolean };
  /** Names of the scripts of the account whose `tail()` gets them. */
  tailConsumers: string[];
  /** The script has `logpush` on, and its account has a job for it. */
  logpush: boolean;
  /** Tags of the script, when they go with what is pushed. */
  tags?: string[];
}

/**
 * Takes what was reported of one version of any script that is traced, whoever has it traced. It neither throws nor waits,
 * bounds what it keeps, and changes nothing of the items: others get the same.
 */
export interface TraceListener {
  take(source: TraceSource, items: readonly TraceItem[]): void;
}
