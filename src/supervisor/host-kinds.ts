import type { Config } from "../domain/config.ts";
import type { HostKind } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import { logHostProgram } from "../observe/logs/host-program.ts";
import { analyticsHostProgram } from "../products/analytics/host-program.ts";
import { databaseHostProgram } from "../products/d1/host-program.ts";
import type { HostProgram } from "../products/hosts/program.ts";
import { imagesHostProgram } from "../products/images/host-program.ts";
import * as images from "../products/images/limits.ts";

const MIB = 1024 * 1024;

/** What a host of a kind is started with. */
export interface HostSettings {
  program: HostProgram;
  /** Directory of the account's data, the only one of the platform's that it sees; undefined: it has none. */
  data: string | undefined;
  /** Whether it may write there. */
  writable: boolean;
  /** V8 heap. */
  heapMb: number;
  /** `RLIMIT_DATA`. */
  maxDataBytes: number;
  /** Arguments after those of the socket and the data. */
  arguments: string[];
}

export function hostSettings(kind: HostKind, accountId: string, config: Config): HostSettings {
  const files = paths(config);
  if (kind === "d1") {
    return {
      program: databaseHostProgram,
      data: files.databases(accountId),
      writable: true,
      // Results on their way out.
      heapMb: 128,
      // The bound of SQLite's own memory, whose heap limits do nothing in Node's build. Measured: 565 MiB when idle, nearly all
      // mapped ahead of use; 640 with 100 databases open and read. So a sort of 100 to 200 MB still works, and a larger one
      // fails with SQLITE_NOMEM.
      maxDataBytes: 850 * MIB,
      arguments: [config.state.timeTravelMs, config.state.maxDatabaseBytes].map(String),
    };
  }
  if (kind === "images") {
    return {
      program: imagesHostProgram(),
      data: undefined,
      writable: false,
      heapMb: images.HOST_HEAP_MB,
      maxDataBytes: images.HOST_DATA_MB * MIB,
      arguments: [],
    };
  }
  const isPacker = kind === "analytics-pack" || kind === "logs-pack";
  const isLogs = kind === "logs-query" || kind === "logs-pack";
  return {
    program: isLogs ? logHostProgram() : analyticsHostProgram(),
    data: isLogs ? files.logs(accountId) : files.analytics(accountId),
    writable: isPacker,
    heapMb: 192,
    // The engine keeps its own limit (`products/segments/host/limits.ts`) and says so when it is reached; this one is for what it forgets.
    maxDataBytes: 1600 * MIB,
    arguments: [isPacker ? "pack" : "query"],
  };
}
