import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { repository } from "../test/harness/platform.ts";
import { descendants } from "../test/harness/processes.ts";

/** A Worker with a D1 database as `env.DB`, run by something else than the platform. */
export interface D1Baseline extends Disposable {
  name: string;
  port: number;
  pids(): number[];
}

/** workerd alone, with its bundled driver in the same process. */
export async function startBundledD1(source: string): Promise<D1Baseline> {
  const directory = mkdtempSync(join(tmpdir(), "fh-d1raw-"));
  mkdirSync(join(directory, "state"));
  writeFileSync(join(directory, "index.js"), source);
  writeFileSync(
    join(directory, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [
  (name = "app", worker = (compatibilityDate = "2026-06-01", modules = [(name = "index.js", esModule = embed "index.js")],
    bindings = [(name = "DB", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [
      (name = "fetcher", service = (name = "d1", props = (json = "{\\"database\\":\\"one\\"}")))]))])),
  (name = "d1", worker = (compatibilityDate = "2026-06-01", modules = [(name = "d1.js", bundled = "/workerd/d1.js")],
    bindings = [(name = "DATABASE", durableObjectNamespace = "D1Database")],
    durableObjectNamespaces = [(className = "D1Database", uniqueKey = "d1", enableSql = true)],
    durableObjectStorage = (localDisk = "state"))),
  (name = "state", disk = (path = "${directory}/state", writable = true)),
], sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "app")]);\n`,
  );
  const workerd = realpathSync(createRequire(import.meta.url)("workerd").default as string);
  const child = spawn(workerd, ["serve", join(directory, "config.capnp"), "--experimental", "--control-fd=3"], {
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  const port = await firstMatch(child.stdio[3] as NodeJS.ReadableStream, /"port":(\d+)/);
  return {
    name: "workerd's d1.js",
    port: Number(port),
    pids: () => [child.pid ?? 0],
    [Symbol.dispose]() {
      child.kill("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const oneDatabase = {
  d1_databases: [{ binding: "DB", database_name: "one", database_id: "11111111-1111-4111-8111-111111111111" }],
};

/** What developers know: the client's own local server. `bindings` is the part of its configuration. */
export async function startWranglerDev(source: string, bindings: object = oneDatabase): Promise<D1Baseline> {
  const directory = mkdtempSync(join(tmpdir(), "fh-d1dev-"));
  writeFileSync(join(directory, "index.js"), source);
  writeFileSync(
    join(directory, "wrangler.json"),
    JSON.stringify({
      name: "app",
      main: "index.js",
      compatibility_date: "2026-06-01",
      ...bindings,
    }),
  );
  const entry = join(repository, "node_modules/wrangler/bin/wrangler.js");
  const child = spawn(
    process.execPath,
    [entry, "dev", "--port", "0", "--ip", "127.0.0.1", "--show-interactive-dev-session=false"],
    {
      cwd: directory,
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
      env: {
        PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
        HOME: directory,
        WRANGLER_SEND_METRICS: "false",
        CI: "1",
        NO_COLOR: "1",
      },
    },
  );
  const port = await firstMatch(child.stdout, /Ready on http:\/\/[^:]+:(\d+)/);
  const all = () => [child.pid ?? 0, ...descendants(child.pid ?? 0).map(({ pid }) => pid)];
  return {
    name: "wrangler dev",
    port: Number(port),
    pids: all,
    [Symbol.dispose]() {
      for (const pid of all()) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // Ended with another.
        }
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const START_TIMEOUT_MS = 30_000;

/** The first group of the first line that matches. */
function firstMatch(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no line matches ${pattern}`)), START_TIMEOUT_MS);
    createInterface(stream).on("line", (line) => {
      const found = pattern.exec(line)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
  });
}
