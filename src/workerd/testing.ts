/** Starts real workerd processes from launch plans, without sandbox. For tests and benches only. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { Placement } from "../domain/homes.ts";
import type { LaunchRecord, Module, ModuleType, Sealed } from "../domain/version.ts";
import {
  type FileContent,
  type LaunchContext,
  type LaunchMode,
  type PlanLaunch,
  type Predecessor,
  socketNames,
} from "./plan.ts";

export const workerdPath: string = createRequire(import.meta.url)("workerd").default;

export interface TestReply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** A running workerd, or what is left of one that did not start. */
export interface TestRunner {
  started: boolean;
  /** Everything it wrote to stderr so far. */
  stderr(): string;
  stdout(): string;
  process: ChildProcess;
  socketDir: string;
  servicesDir: string;
  rpcSocket: string;
  gateSocket: string;
  fetch(
    path: string,
    init?: { method?: string; headers?: Record<string, string>; body?: string; socket?: string },
  ): Promise<TestReply>;
  /** Ends the process and removes its directory. */
  stop(): Promise<void>;
}

/** Blobs in memory, filled by {@link TestScript}. */
export type TestBlobs = Map<string, Uint8Array>;

export interface TestOptions {
  mode?: LaunchMode;
  /** Directory of the services role's sockets, when it has to exist before the start. */
  servicesDir?: string;
  /** What the runner owns, with the directory of it. */
  placement?: Placement;
  stateDir?: string;
  instanceId?: string;
  predecessor?: Predecessor;
  allowPrivate?: string[];
  traced?: boolean;
}

/** A launch record of modules given as text or bytes; the type follows the name's extension. */
export function testRecord(
  blobs: TestBlobs,
  modules: Record<string, string | Uint8Array>,
  parts: Partial<LaunchRecord> = {},
): LaunchRecord {
  const stored = Object.entries(modules).map(([name, content]): Module => {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const blob = createHash("sha256").update(bytes).digest("hex");
    blobs.set(blob, bytes);
    return { name, type: typeByExtension(name), blob, size: bytes.byteLength };
  });
  return {
    versionId: "00000000-0000-4000-8000-000000000001",
    accountId: "a".repeat(32),
    scriptName: "test",
    createdOn: "2026-11-20T10:00:00.000Z",
    tag: "",
    format: "modules",
    mainModule: stored[0]?.name ?? "",
    modules: stored,
    bindings: [],
    compatibilityDate: "2026-11-01",
    compatibilityFlags: [],
    limits: { cpuMs: 30_000, memoryMb: 128 },
    exports: [],
    ...parts,
  };
}

/** Seals by reversing: enough to see that the plan unseals. */
export const testSeal = (clear: string): Sealed => ({ sealed: [...clear].reverse().join("") });
export const testUnseal = ({ sealed }: Sealed): string => [...sealed].reverse().join("");

/** Where a version would run, for tests that look at its plan only. */
export const testContext: LaunchContext = {
  mode: "serve",
  socketDir: "/s",
  servicesDir: "/v",
  placement: { kind: "none" },
  stateDir: "/state",
  emptyDir: "/e",
  allowPrivate: [],
  unseal: testUnseal,
};

export async function startTestRunner(
  planLaunch: PlanLaunch,
  record: LaunchRecord,
  blobs: TestBlobs,
  options: TestOptions = {},
): Promise<TestRunner> {
  const directory = await mkdtemp(join(tmpdir(), "fh-wd-"));
  const socketDir = join(directory, "s");
  const servicesDir = options.servicesDir ?? join(directory, "v");
  const emptyDir = join(directory, "e");
  await Promise.all([socketDir, servicesDir, emptyDir].map((path) => mkdir(path, { recursive: true })));

  const plan = planLaunch(record, {
    mode: options.mode ?? "serve",
    socketDir,
    servicesDir,
    emptyDir,
    placement: options.placement ?? { kind: "none" },
    stateDir: options.stateDir ?? join(directory, "state"),
    allowPrivate: options.allowPrivate ?? [],
    ...(options.traced && { traced: true }),
    ...(options.instanceId && { instanceId: options.instanceId }),
    ...(options.predecessor && { predecessor: options.predecessor }),
    unseal: testUnseal,
  });
  await writeFile(join(directory, "config.capnp"), plan.config);
  for (const { path, content } of plan.files) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), fileBytes(content, blobs));
  }

  const child = spawn(workerdPath, ["serve", join(directory, "config.capnp"), ...plan.arguments, "--control-fd=3"], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: { TZ: "UTC" },
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => (stdout += chunk));
  child.stderr?.on("data", (chunk) => (stderr += chunk));
  const started = await listening(child, plan.sockets);
  // The RPC port has no `listen` event, and may open a moment after the others.
  if (started && options.mode !== "inspect") await appears(join(socketDir, socketNames.rpc));

  const httpSocket = join(socketDir, socketNames.http);
  return {
    started,
    stderr: () => stderr,
    stdout: () => stdout,
    process: child,
    socketDir,
    servicesDir,
    rpcSocket: join(socketDir, socketNames.rpc),
    gateSocket: join(socketDir, socketNames.gate),
    fetch: (path, init = {}) => fetchSocket(init.socket ?? httpSocket, path, init),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function fileBytes(content: FileContent, blobs: TestBlobs): Uint8Array {
  if ("text" in content) return Buffer.from(content.text);
  const blob = blobs.get("blob" in content ? content.blob : content.base);
  if (!blob) throw new Error("the record names a blob that was not given");
  return "suffix" in content ? Buffer.concat([blob, Buffer.from(content.suffix)]) : blob;
}

/** Resolves when `sockets` listen events came, or with false when the process ended before. */
async function listening(child: ChildProcess, sockets: number): Promise<boolean> {
  const closed = once(child, "close").then(() => false);
  const ready = (async () => {
    let count = 0;
    for await (const line of createInterface(child.stdio[3] as Readable)) {
      if (JSON.parse(line).event === "listen" && ++count === sockets) return true;
    }
    return closed;
  })();
  return Promise.race([closed, ready]);
}

async function appears(path: string): Promise<void> {
  for (let waitedMs = 0; !existsSync(path); waitedMs++) {
    if (waitedMs > 5000) throw new Error(`${path} did not appear`);
    await delay(1);
  }
}

async function fetchSocket(
  socketPath: string,
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string },
): Promise<TestReply> {
  const outgoing = httpRequest({
    socketPath,
    path,
    method: init.method ?? "GET",
    headers: { host: "test.example", ...init.headers },
  });
  outgoing.end(init.body);
  const [response] = await once(outgoing, "response");
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

const EXTENSIONS: Record<string, ModuleType> = {
  js: "esm",
  mjs: "esm",
  cjs: "commonjs",
  txt: "text",
  bin: "data",
  wasm: "wasm",
  json: "json",
  py: "python",
  map: "source-map",
};

function typeByExtension(name: string): ModuleType {
  return EXTENSIONS[name.slice(name.lastIndexOf(".") + 1)] ?? "text";
}
