/** A pool of real runners in a directory of its own. For tests and benches only. */
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { type Config, readConfig } from "../domain/config.ts";
import type { RunnerAddress } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import type { LaunchRecord, VersionLimits } from "../domain/version.ts";
import { planLaunch } from "../products/launch.ts";
import { blobPath } from "../store/blobs.ts";
import type { PlanLaunch } from "../workerd/plan.ts";
import { detectHost, type RuntimeHost } from "./host.ts";
import { planner } from "./planner.ts";
import { type Members, RunnerPool } from "./pool.ts";
import { ProcessList } from "./process-list.ts";
import { readHomes } from "./published.ts";
import { recover } from "./recovery.ts";
import { Validator } from "./validate.ts";
import { Watchdog } from "./watchdog.ts";

/** A configuration for a fresh temporary directory. Remove `dataDir` afterwards. */
export function testConfig(env: Record<string, string> = {}): Config {
  // Short, so that sockets stay below it.
  const dataDir = mkdtempSync(join(tmpdir(), "fh-sup-"));
  return readConfig({ FREEHOLD_DATA: dataDir, FREEHOLD_PORT: "0", FREEHOLD_EDGES: "1", ...env }, 1);
}

/** Stores a version made of one module and returns its launch record. */
export function storeVersion(
  config: Config,
  source: string,
  parts: Partial<Omit<LaunchRecord, "limits">> & { limits?: Partial<VersionLimits> } = {},
): LaunchRecord {
  const files = paths(config);
  const blob = createHash("sha256").update(source).digest("hex");
  write(blobPath(files.blobs, blob), source);
  const record: LaunchRecord = {
    versionId: randomUUID(),
    accountId: "a".repeat(32),
    scriptName: "test",
    createdOn: "2026-11-20T10:00:00.000Z",
    tag: "",
    format: "modules",
    mainModule: "index.js",
    modules: [{ name: "index.js", type: "esm", blob, size: source.length }],
    bindings: [],
    compatibilityDate: "2026-11-01",
    compatibilityFlags: [],
    exports: [],
    ...parts,
    limits: { cpuMs: 30_000, memoryMb: 128, ...parts.limits },
  };
  write(files.launchRecord(record.versionId), JSON.stringify(record));
  return record;
}

export interface TestPool {
  pool: RunnerPool;
  validator: Validator;
  config: Config;
  host: RuntimeHost;
  /** Calls that the pool made of the edges and services, oldest first. */
  calls: { name: keyof Members; request: unknown }[];
  /** Answers of the edges and services, to be replaced by a test. */
  members: Members;
  log: string[];
  /** Starts the version and returns where it is; throws when it does not start. */
  start(record: LaunchRecord): Promise<RunnerAddress & { pid: number }>;
  close(): Promise<void>;
}

/** With `config`, on what another pool left in its directories. */
export async function startTestPool(
  env: Record<string, string> = {},
  parts: { planLaunch?: PlanLaunch; config?: Config } = {},
): Promise<TestPool> {
  const config = parts.config ?? testConfig(env);
  await recover(config);
  const host = await detectHost(config);
  const calls: TestPool["calls"] = [];
  const members: Members = {
    release: async () => true,
    finishEvents: async () => true,
    inFlight: async () => 1,
    gone() {},
    exceeded() {},
    attach: async () => {},
    detach() {},
  };
  const log: string[] = [];
  const recorded = <Name extends keyof Members>(name: Name) =>
    ((request: never, ...more: never[]) => {
      calls.push({ name, request });
      return (members[name] as (...request: never[]) => unknown)(request, ...more);
    }) as Members[Name];
  const files = paths(config);
  const around = { host, blobs: files.blobs, watchdog: new Watchdog(), processes: new ProcessList(files.runnerPids) };
  const plan = planner(config, host, parts.planLaunch ?? planLaunch);
  const pool = new RunnerPool({
    ...around,
    config,
    plan,
    homes: readHomes(files.homes),
    members: {
      release: recorded("release"),
      finishEvents: (instanceId) => members.finishEvents(instanceId),
      inFlight: (instanceId) => members.inFlight(instanceId),
      gone: recorded("gone"),
      exceeded: recorded("exceeded"),
      attach: recorded("attach"),
      detach: recorded("detach"),
    },
    log: (line) => log.push(line),
  });
  return {
    pool,
    validator: new Validator({ ...around, plan, instance: files.instance }),
    config,
    host,
    calls,
    members,
    log,
    async start(record) {
      const reply = await pool.acquire(record.versionId);
      if ("unavailable" in reply) throw new Error(`${reply.unavailable}: ${reply.message}`);
      const { instanceId } = reply.runner;
      const pid = pool.status().find((runner) => runner.instanceId === instanceId)?.pid ?? 0;
      return { ...reply.runner, pid };
    },
    async close() {
      await pool.stop();
      rmSync(config.dataDir, { recursive: true, force: true });
      rmSync(config.runDir, { recursive: true, force: true });
    },
  };
}

export interface TestReply {
  status: number;
  body: string;
  headers: IncomingMessage["headers"];
}

/** A request to a runner's HTTP socket; rejects when the connection is lost. */
export async function fetchRunner(runner: RunnerAddress, path = "/"): Promise<TestReply> {
  const outgoing = request({ socketPath: runner.httpSocket, path, agent: false, headers: { host: "test.example" } });
  // After the response its body tells of a loss.
  outgoing.on("error", () => {});
  outgoing.end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

/** Waits until `condition` holds, looking every few milliseconds; throws after `timeoutMs`. */
export async function until(condition: () => boolean, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
