import { execFile, type StdioOptions, spawnSync } from "node:child_process";
import { accessSync, closeSync, constants, existsSync, openSync, realpathSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { type Config, ConfigError } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import { type LaunchPlan, socketNames } from "../workerd/plan.ts";
import { makeInstance, removeInstance } from "./instance-files.ts";
import { launchPlan } from "./launch.ts";
import { START_TIMEOUT_MS } from "./limits.ts";
import { hasProc, type ProcessMemory, ProcessMeter } from "./proc.ts";
import { type RunnerHost, runnerView } from "./sandbox.ts";
import { seccompFilter } from "./seccomp.ts";

const run = promisify(execFile);

/** Files of the host that workerd reads; those that exist are shown to it. */
const HOST_FILES = [
  // workerd does not start without certificates of authorities; which file it is depends on the distribution.
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/ssl/cert.pem",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/resolv.conf",
  "/etc/hosts",
  "/etc/nsswitch.conf",
];

/** What this machine offers runners, and what an empty one uses here. */
export interface RuntimeHost extends RunnerHost {
  /** Why there is no sandbox although one was wanted. */
  noSandboxReason?: string;
  /** Of a runner that has done nothing; undefined where there is no `/proc`. */
  idle: { memory: ProcessMemory /** Main thread's CPU until it listens. */; startCpuMs: number } | undefined;
}

/**
 * Finds workerd and bubblewrap, and tries both by starting an empty runner, which is also measured: how much memory
 * a runner uses by itself depends on the machine. Throws {@link ConfigError} when runners cannot be started as configured.
 */
export async function detectHost(config: Config): Promise<RuntimeHost> {
  const workerd = realpathSync(createRequire(import.meta.url)("workerd").default);
  const flock = findFlock();
  const plain: RunnerHost = { workerd, ...(flock && { flock }) };
  if (config.sandbox === "off") return { ...plain, idle: await tryHost(plain, config) };

  const sandboxed = await findBubblewrap(plain, paths(config).seccompFilter);
  let reason = sandboxed.reason;
  if (sandboxed.host) {
    try {
      return { ...sandboxed.host, idle: await tryHost(sandboxed.host, config) };
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
  }
  if (config.sandbox === "required") {
    throw new ConfigError(`FREEHOLD_SANDBOX is "required", but the sandbox does not work here: ${reason}.`);
  }
  return { ...plain, noSandboxReason: reason, idle: await tryHost(plain, config) };
}

async function findBubblewrap(plain: RunnerHost, seccomp: string): Promise<{ host?: RunnerHost; reason: string }> {
  if (process.platform !== "linux") return { reason: "bubblewrap exists on Linux only" };
  const program = findProgram("bwrap");
  if (!program) return { reason: "bubblewrap (bwrap) is not installed" };
  const filter = seccompFilter(process.arch);
  if (filter) writeFileSync(seccomp, filter, { mode: 0o600 });
  try {
    const files = [...(await libraries(plain.workerd)), ...HOST_FILES.filter((file) => existsSync(file))];
    return { host: { ...plain, bubblewrap: { program, files, ...(filter && { seccomp }) } }, reason: "" };
  } catch (error) {
    return { reason: `the libraries of workerd cannot be found (${error instanceof Error ? error.message : error})` };
  }
}

/** Paths of the shared libraries and the loader. */
async function libraries(program: string): Promise<string[]> {
  const { stdout } = await run("ldd", [program], { timeout: 5000 });
  return stdout.split("\n").flatMap((line) => /(?:=>\s*|^\s*)(\/\S+)/.exec(line)?.[1] ?? []);
}

/** A `flock` that can wait for a lock on an opened file (util-linux has that), where there is one. */
function findFlock(): string | undefined {
  const program = findProgram("flock");
  if (!program) return undefined;
  const file = openSync(program, "r");
  try {
    const stdio: StdioOptions = ["ignore", "ignore", "ignore", file];
    // Shared, so that several platforms may try at the same time.
    return spawnSync(program, ["-s", "-w", "5", "3"], { stdio, timeout: 10_000 }).status === 0 ? program : undefined;
  } finally {
    closeSync(file);
  }
}

function findProgram(name: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Starts an empty runner and measures it. Throws with the runtime's own words when it does not start. */
async function tryHost(host: RunnerHost, config: Config): Promise<RuntimeHost["idle"]> {
  const directory = paths(config).instance("probe");
  await removeInstance(directory);
  makeInstance(directory);
  const plan = emptyPlan(runnerView(host, directory).in);
  const launched = await launchPlan(host, { directory, plan, blobs: paths(config).blobs });
  const timer = setTimeout(() => launched.kill("SIGKILL"), START_TIMEOUT_MS);
  try {
    if (!(await launched.listening)) throw new Error(lastLine(launched.stderr()) || "the runtime did not start");
    const pid = await launched.workerdPid;
    return hasProc && pid !== undefined ? measure(pid) : undefined;
  } finally {
    clearTimeout(timer);
    launched.kill("SIGKILL");
    await launched.exited;
    await removeInstance(directory);
  }
}

function measure(pid: number): RuntimeHost["idle"] {
  const meter = new ProcessMeter(pid);
  try {
    const memory = meter.memory();
    const startCpuMs = meter.mainThreadCpuMs();
    return memory && startCpuMs !== undefined ? { memory, startCpuMs } : undefined;
  } finally {
    meter.close();
  }
}

/** The least that starts an isolate. */
function emptyPlan(socketDir: string): LaunchPlan {
  return {
    config: `using W = import "/workerd/workerd.capnp";
const config :W.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "main.js", esModule = "export default { fetch() { return new Response(); } }")],
    compatibilityDate = "2026-01-01",
  ))],
  sockets = [(name = "http", address = "unix:${socketDir}/${socketNames.http}", http = (), service = "main")],
);
`,
    files: [],
    arguments: ["--experimental"],
    links: [],
    state: [],
    events: false,
    traced: false,
    sockets: 1,
  };
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
