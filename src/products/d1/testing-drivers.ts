/** What can stand behind a D1 binding, each as something that answers its wire. For tests and benches only. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { AS_OBJECTS, requestKind } from "./host-protocol.ts";
import type { D1Failure, D1Meta, D1Statement } from "./operations.ts";
import { startTestHost } from "./testing-host.ts";

export type Answer = { success: true; results: unknown; meta: D1Meta } | { success: false; error: string };

export interface Driver {
  /** Makes an empty database, and returns what asks it: one statement, or several in one transaction. */
  database(): (statements: D1Statement | D1Statement[], options?: { objects?: boolean }) => Promise<Answer | Answer[]>;
  close(): Promise<void>;
}

export const drivers: { name: string; start(): Promise<Driver> }[] = [
  { name: "SQLite host", start: startHostDriver },
  { name: "workerd's bundled d1.js", start: startBundledDriver },
];

async function startHostDriver(): Promise<Driver> {
  const host = await startTestHost();
  return {
    database() {
      const id = host.create();
      return async (statements, { objects = false } = {}) => {
        const reply = await host.send(id, requestKind.wire, objects ? AS_OBJECTS : 0, statements);
        const content = JSON.parse(reply.payload.toString());
        return reply.ok ? (content as Answer | Answer[]) : { success: false, error: (content as D1Failure).message };
      };
    },
    close: () => host.close(),
  };
}

/** Databases that one bundled driver is configured with. */
const BUNDLED_DATABASES = 40;

async function startBundledDriver(): Promise<Driver> {
  const directory = mkdtempSync(join(tmpdir(), "fh-d1b-"));
  mkdirSync(join(directory, "state"));
  const sockets = Array.from(
    { length: BUNDLED_DATABASES },
    (_, index) =>
      `(name = "s${index}", address = "127.0.0.1:0", http = (), service = (name = "d1", props = (json = "{\\"database\\":\\"d${index}\\"}")))`,
  );
  writeFileSync(
    join(directory, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [
  (name = "d1", worker = (compatibilityDate = "2026-06-01", modules = [(name = "d1.js", bundled = "/workerd/d1.js")],
    bindings = [(name = "DATABASE", durableObjectNamespace = "D1Database")],
    durableObjectNamespaces = [(className = "D1Database", uniqueKey = "d1", enableSql = true)],
    durableObjectStorage = (localDisk = "state"))),
  (name = "state", disk = (path = "${directory}/state", writable = true)),
], sockets = [${sockets.join(", ")}]);\n`,
  );
  const workerd = realpathSync(createRequire(import.meta.url)("workerd").default as string);
  const child = spawn(workerd, ["serve", join(directory, "config.capnp"), "--experimental", "--control-fd=3"], {
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  const ports = await portsOf(child);
  let used = 0;
  return {
    database() {
      const port = ports.get(`s${used++}`);
      if (port === undefined) throw new Error("more databases than the bundled driver was configured with");
      return async (statements, { objects = false } = {}) => {
        const format = objects ? "NONE" : "ROWS_AND_COLUMNS";
        const response = await fetch(`http://127.0.0.1:${port}/query?resultsFormat=${format}`, {
          method: "POST",
          body: JSON.stringify(statements),
        });
        const answer = (await response.json()) as Answer | Answer[];
        // It answers a list to a single statement too, which the binding takes as well.
        return Array.isArray(answer) && !Array.isArray(statements) ? (answer[0] as Answer) : answer;
      };
    },
    async close() {
      child.kill("SIGKILL");
      await once(child, "exit");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function portsOf(child: ChildProcess): Promise<Map<string, number>> {
  const ports = new Map<string, number>();
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`workerd ended with ${code}`)));
    createInterface(child.stdio[3] as Readable).on("line", (line) => {
      const { socket, port } = JSON.parse(line) as { socket: string; port: number };
      ports.set(socket, port);
      if (ports.size === BUNDLED_DATABASES) resolve(ports);
    });
  });
}
