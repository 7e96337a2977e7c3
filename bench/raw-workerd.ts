import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "../test/harness/platform.ts";

/** workerd as anyone would run it: no sandbox, no platform. The baseline. */
export interface RawWorkerd extends Disposable {
  pid: number;
  /** Port on 127.0.0.1. */
  port: number;
  /** Unix socket of the same Worker. */
  socket: string;
  /** From spawn to the first listening socket. */
  startMs: number;
}

export interface RawWorker {
  name: string;
  source: string;
  /** Durable Object classes with SQL storage on disk, bound under their names. */
  objects?: string[];
}

/** Starts Workers of one module each; the first one serves, the others are bound to it under their names. */
export async function startRawWorkerd(workers: RawWorker[]): Promise<RawWorkerd> {
  const directory = mkdtempSync(join(tmpdir(), "fh-raw-"));
  const [first] = workers;
  if (!first) throw new Error("no Worker given");
  const services = workers.map(({ name, source, objects = [] }) => {
    writeFileSync(join(directory, `${name}.js`), source);
    const others = name === first.name ? workers.slice(1) : [];
    const bindings = [
      ...others.map((other) => `(name = "${other.name}", service = "${other.name}")`),
      ...objects.map((object) => `(name = "${object}", durableObjectNamespace = "${object}")`),
    ];
    const namespaces = objects.map((object) => `(className = "${object}", uniqueKey = "${object}", enableSql = true)`);
    const state =
      objects.length > 0
        ? `, durableObjectNamespaces = [${namespaces.join(", ")}], durableObjectStorage = (localDisk = "state")`
        : "";
    return (
      `(name = "${name}", worker = (compatibilityDate = "2026-06-01", ` +
      `modules = [(name = "index.js", esModule = embed "${name}.js")], bindings = [${bindings.join(", ")}]${state}))`
    );
  });
  mkdirSync(join(directory, "state"));
  services.push(`(name = "state", disk = (path = "${join(directory, "state")}", writable = true))`);
  const socket = join(directory, "http.sock");
  writeFileSync(
    join(directory, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";\nconst config :Workerd.Config = (services = [${services.join(", ")}], sockets = [` +
      `(name = "tcp", address = "127.0.0.1:0", http = (), service = "${first.name}"), ` +
      `(name = "unix", address = "unix:${socket}", http = (), service = "${first.name}")]);\n`,
  );
  const startedAt = performance.now();
  const child = spawn(workerdProgram(), ["serve", join(directory, "config.capnp"), "--control-fd=3"], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const port = await listening(child);
  const startMs = performance.now() - startedAt;
  return {
    pid: child.pid ?? 0,
    port,
    socket,
    startMs,
    [Symbol.dispose]() {
      child.kill("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The port of the TCP socket once both sockets listen. */
function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let events = "";
    let errors = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    child.stdio[3]?.on("data", (chunk: Buffer) => {
      events += chunk.toString();
      const seen = events
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { socket: string; port: number });
      const tcp = seen.find((event) => event.socket === "tcp");
      if (tcp && seen.some((event) => event.socket === "unix")) resolve(tcp.port);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`workerd ended with ${code}: ${errors}`)));
  });
}

function workerdProgram(): string {
  const packages = join(repository, "node_modules/@cloudflare");
  const platform = readdirSync(packages).find(
    (name) => name.startsWith("workerd-") && existsSync(join(packages, name, "bin/workerd")),
  );
  if (!platform) throw new Error("no workerd package for this machine");
  return realpathSync(join(packages, platform, "bin/workerd"));
}
