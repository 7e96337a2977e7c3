/** Versions with a Durable Object class, on a plan of their own that has just enough of the real one. For tests only. */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Config } from "../domain/config.ts";
import type { Home, HomesSnapshot } from "../domain/homes.ts";
import { Homes } from "../domain/homes.ts";
import { paths } from "../domain/paths.ts";
import type { LaunchRecord, ObjectClass } from "../domain/version.ts";
import { planLaunch } from "../products/launch.ts";
import { capnpText } from "../workerd/capnp.ts";
import { Embed, type Socket } from "../workerd/config.ts";
import { type LaunchContext, type LaunchPlan, socketNames } from "../workerd/plan.ts";
import { storeVersion } from "./testing.ts";

/** Paths: `/add`, `/get`, `/alarm?ms=`, `/alarms`, `/fill?mb=`, `/slow?ms=`, `/socket`. */
export const OBJECT_SOURCE = `
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const { storage } = this.ctx;
    const number = (name) => Number(searchParams.get(name));
    switch (pathname) {
      case "/add": {
        const count = ((await storage.get("count")) ?? 0) + 1;
        await storage.put("count", count);
        return new Response(String(count));
      }
      case "/get": return new Response(String((await storage.get("count")) ?? 0));
      case "/alarm": await storage.setAlarm(Date.now() + number("ms")); return new Response("set");
      case "/alarms": return new Response(String((await storage.get("alarms")) ?? 0));
      case "/fill": {
        storage.sql.exec("CREATE TABLE IF NOT EXISTS t (x)");
        for (let n = number("mb"); n > 0; n--) storage.sql.exec("INSERT INTO t VALUES (randomblob(1000000))");
        return new Response("filled");
      }
      case "/slow": await scheduler.wait(number("ms")); return new Response("slow");
      case "/socket": {
        const { 0: client, 1: server } = new WebSocketPair();
        this.ctx.acceptWebSocket(server);
        return new Response(null, { status: 101, webSocket: client });
      }
    }
    return new Response("none", { status: 404 });
  }
  webSocketMessage(socket, message) { socket.send("echo " + message); }
  async alarm() {
    await this.ctx.storage.put("alarms", ((await this.ctx.storage.get("alarms")) ?? 0) + 1);
  }
}
export default { fetch: (request, env) => env.COUNTER.getByName("one").fetch(request) };
`;

const GATE_SOURCE = "export default { fetch: () => new Response('drained') }";

/** Stores a version whose upload left these classes. */
export function storeObjects(config: Config, classes: ObjectClass[], source = OBJECT_SOURCE): LaunchRecord {
  return storeVersion(config, source, { objects: classes });
}

export function newClass(): ObjectClass {
  return { className: "Counter", namespaceId: randomBytes(16).toString("hex"), storage: "sqlite" };
}

export function homeOf({ accountId, scriptName, versionId, objects = [] }: LaunchRecord, guests: string[] = []): Home {
  return { accountId, scriptName, versionId, guests, classes: objects, workflows: [] };
}

let generation = 0;

export function homes(...all: Home[]): Homes {
  return new Homes({ generation: ++generation, homes: all });
}

export function writeHomes(config: Config, ...all: Home[]): void {
  const file = paths(config).homes;
  const snapshot: HomesSnapshot = { generation: ++generation, homes: all };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(snapshot));
}

/** Plans versions without classes as ever. Those that have some and own none answer with "guest". */
export function planObjects(record: LaunchRecord, context: LaunchContext): LaunchPlan {
  const { placement, socketDir, stateDir, emptyDir } = context;
  if (!record.objects) return planLaunch(record, context);
  const classes = placement.kind === "none" ? [] : placement.classes;
  const http = (name: "http" | "gate" | "health" | "reports", service: string): Socket => ({
    name,
    address: `unix:${socketDir}/${socketNames[name]}`,
    http: {},
    service,
  });
  const gate = classes.length > 0;
  const sockets = [http("http", "user"), http("health", "health"), ...(gate ? [http("gate", "gate")] : [])];
  if (context.traced) sockets.push(http("reports", "gate"));
  const compatibilityDate = "2026-01-01";
  const config = capnpText({
    services: [
      {
        name: "user",
        worker: {
          compatibilityDate,
          modules: [{ name: "index.js", esModule: gate ? new Embed("m/0") : GUEST_SOURCE }],
          ...(gate && {
            durableObjectNamespaces: classes.map(({ className, namespaceId }) => ({
              className,
              uniqueKey: namespaceId,
              enableSql: true,
            })),
            durableObjectStorage: { localDisk: "state" },
            bindings: classes.map(({ className }) => ({ name: "COUNTER", durableObjectNamespace: { className } })),
          }),
        },
      },
      { name: "gate", worker: { compatibilityDate, modules: [{ name: "gate.js", esModule: GATE_SOURCE }] } },
      { name: "health", disk: { path: emptyDir } },
      ...(gate ? [{ name: "state", disk: { path: stateDir, writable: true } }] : []),
    ],
    sockets,
  });
  return {
    config,
    files: gate ? [{ path: "m/0", content: { blob: record.modules[0]?.blob ?? "" } }] : [],
    arguments: ["--experimental", `--debug-port=unix:${socketDir}/${socketNames.rpc}`],
    links: [],
    state: classes.map(({ namespaceId }) => ({ name: namespaceId, stateId: namespaceId })),
    events: false,
    traced: context.traced === true,
    sockets: sockets.length,
  };
}

const GUEST_SOURCE = "export default { fetch: () => new Response('guest') }";
