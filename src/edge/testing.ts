/** Helpers for tests of the edge: an edge with a supervisor made of functions, and stand-ins for runners. */
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { join } from "node:path";
import { readConfig } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import type { RoutedScript, RoutingSnapshot } from "../domain/routing.ts";
import { type Cleanup, RawClient } from "../lib/http/testing.ts";
import { createEdge, type Edge } from "./edge.ts";
import type { Supervisor } from "./runners.ts";

export function script(name: string, parts: Partial<RoutedScript> = {}): RoutedScript {
  const shares = [{ versionId: `${name}-v1`, percentage: 100 }];
  return {
    id: name,
    accountId: "a1",
    name,
    enabled: true,
    previewsEnabled: true,
    shares,
    versions: [],
    aliases: {},
    ...parts,
  };
}

export function snapshot(...scripts: RoutedScript[]): RoutingSnapshot {
  return { generation: 1, accounts: [{ id: "a1", subdomain: "acc" }], scripts };
}

export interface TestEdge {
  edge: Edge;
  port: number;
  directory: string;
  controlSocket: string;
  edgeSocket: string;
  /** Writes `routes.json` and has the edge load it. */
  route(snapshot: RoutingSnapshot): Promise<void>;
  client(): RawClient;
  /** Sends one GET and returns status, head and body. */
  get(host: string, target?: string, fields?: string): Promise<{ status: number; head: string; body: string }>;
}

export async function startEdge(
  cleanup: Cleanup,
  supervisor: Partial<Supervisor>,
  first: RoutingSnapshot = snapshot(script("hello")),
  env: Record<string, string> = {},
): Promise<TestEdge> {
  const directory = await cleanup.directory();
  const config = readConfig({ FREEHOLD_DATA: directory, FREEHOLD_EDGES: "1", FREEHOLD_MAX_BODY_MB: "1", ...env }, 1);
  config.port = 0;
  await mkdir(config.runDir, { recursive: true });
  const files = paths(config);
  const edge = createEdge({
    config,
    supervisor: {
      acquire: async () => ({ unavailable: "missing", message: "" }),
      verdict: async () => "none",
      exceeded: () => {},
      ...supervisor,
    },
  });
  cleanup.add(() => edge.close());
  const route = async (next: RoutingSnapshot) => {
    await writeFile(files.routes, JSON.stringify(next));
    await edge.reload();
  };
  await route(first);
  const port = await edge.listen();
  const client = () => {
    const raw = new RawClient({ port });
    cleanup.add(() => raw.socket.destroy());
    return raw;
  };
  const get = async (host: string, target = "/", fields = "") => {
    const raw = client().send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${fields}\r\n`);
    const text = await raw.toEnd();
    const split = text.indexOf("\r\n\r\n");
    return { status: Number(text.slice(9, 12)), head: text.slice(0, split), body: text.slice(split + 4) };
  };
  return {
    edge,
    port,
    directory,
    controlSocket: files.controlSocket,
    edgeSocket: files.edgeSocket,
    route,
    client,
    get,
  };
}

/** An HTTP server on a unix socket; with `mark` it answers as our runners do, with a `server` field. */
export async function startServer(
  cleanup: Cleanup,
  path: string,
  mark: boolean,
  serve: RequestListener,
): Promise<Server> {
  const server = createServer((request, response) => {
    if (mark) response.setHeader("server", "freehold");
    serve(request, response);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  cleanup.add(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

let instances = 0;

/** An instance address for a version whose HTTP socket is `httpSocket`. */
export function address(versionId: string, httpSocket: string, instanceId = `i${++instances}`) {
  return { runner: { instanceId, versionId, httpSocket, rpcSocket: "" } };
}

export async function socketPath(cleanup: Cleanup): Promise<string> {
  return join(await cleanup.directory(), "http.sock");
}
