/** The role as its own process, with this test as its supervisor. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { configEnvironment, readConfig } from "../domain/config.ts";
import type { AttachRequest, ServicesCalls, SupervisorCalls } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import type { RoutingSnapshot } from "../domain/routing.ts";
import { Channel } from "../lib/channel.ts";

let dataDir: string;
let instanceDir: string;
let routesFile: string;
let homesFile: string;
let runner: Server;
let role: ChildProcess;
let services: Channel<ServicesCalls, SupervisorCalls>;

/** Answers in place of a runner: everything it is sent, with a mark in front, once the other end is done. */
async function startRunner(path: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let received = "";
    socket.on("data", (chunk) => (received += chunk));
    socket.on("end", () => socket.end(`ran ${received}`));
    socket.on("error", () => {});
  });
  server.listen(path);
  await once(server, "listening");
  return server;
}

async function startRole(): Promise<void> {
  const config = readConfig({ FREEHOLD_DATA: dataDir }, 1);
  role = fork(join(import.meta.dirname, "../main.ts"), ["role:services"], {
    env: { ...process.env, ...configEnvironment(config) },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  services = new Channel(role);
  const ready = Promise.withResolvers<void>();
  services.handle("ready", () => {
    ready.resolve();
    return {};
  });
  services.handle("acquire", ({ versionId }) => ({
    runner: { instanceId: "i1", versionId, httpSocket: "", rpcSocket: join(dataDir, "rpc.sock") },
  }));
  await ready.promise;
}

async function writeRoutes(names: string[]): Promise<void> {
  const snapshot: RoutingSnapshot = {
    generation: 1,
    accounts: [],
    scripts: names.map((name) => ({
      id: name,
      accountId: "acc",
      name,
      enabled: true,
      previewsEnabled: true,
      shares: [{ versionId: "v1", percentage: 100 }],
      versions: [],
      aliases: {},
    })),
  };
  await writeFile(routesFile, JSON.stringify(snapshot));
}

const attachment = (): AttachRequest => ({
  instanceId: "caller",
  versionId: "v0",
  accountId: "acc",
  directory: instanceDir,
  links: [{ socket: "link-0.sock", to: { script: "b" } }],
});

/** Connects as a runner would. */
async function connectLink(): Promise<Socket> {
  const socket = connect({ path: join(instanceDir, "link-0.sock"), allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}

/** A connection that has reached the runner, and its other end there. */
async function connectThrough(): Promise<[caller: Socket, served: Socket]> {
  const reached = once(runner, "connection");
  const caller = await connectLink();
  const [served] = await reached;
  return [caller, served];
}

async function call(message: string): Promise<string> {
  const socket = await connectLink();
  socket.end(message);
  return text(socket);
}

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "fh-svc-"));
  instanceDir = join(dataDir, "i");
  const { routes, homes, instance } = paths(readConfig({ FREEHOLD_DATA: dataDir }, 1));
  routesFile = routes;
  homesFile = homes;
  await mkdir(instanceDir);
  // The supervisor makes it.
  await mkdir(instance(""), { recursive: true });
  runner = await startRunner(join(dataDir, "rpc.sock"));
});

afterEach(async () => {
  if (role.exitCode === null && role.signalCode === null) {
    role.kill("SIGKILL");
    await once(role, "exit");
  }
  runner.close();
  await rm(dataDir, { recursive: true });
});

test("calls go to the scripts of the snapshot, and of the next one when told", async () => {
  await startRole();
  await services.call("attach", attachment());
  expect(await call("x")).toContain('Worker "b" does not exist.');

  await writeRoutes(["b"]);
  expect(await services.call("routes", { generation: 1 })).toEqual({});
  expect(await call("x")).toBe("ran x");

  await writeFile(routesFile, "{");
  await expect(services.call("routes", { generation: 2 })).rejects.toThrow();
  expect(await call("y")).toBe("ran y");
});

test("connections to a home follow the homes, and only those of its account are let in", async () => {
  const writeHomes = (accountId: string) => {
    const home = { accountId, scriptName: "b", versionId: "v1", guests: [], workflows: [] };
    const classes = [{ className: "C", namespaceId: "n1", storage: "sqlite" }];
    return writeFile(homesFile, JSON.stringify({ generation: 1, homes: [{ ...home, classes }] }));
  };
  await writeHomes("acc");
  await startRole();
  await services.call("attach", { ...attachment(), links: [{ socket: "link-0.sock", to: { stateId: "n1" } }] });
  expect(await call("x")).toBe("ran x");

  // It is kept for many calls, until the home moves.
  const [caller, served] = await connectThrough();
  served.on("error", () => {});
  caller.resume();
  const released = services.call("release", {
    instanceId: "i1",
    versionId: "v1",
    onlyIfIdle: false,
    closeWebSockets: true,
  });
  await once(caller, "end");
  caller.end();
  expect(await released).toEqual({ released: true });

  await writeHomes("another");
  await services.call("routes", { generation: 2 });
  expect(await call("x")).toContain("is not deployed");
});

test("a restarted role loads the snapshot and opens sockets that lie about", async () => {
  await writeRoutes(["b"]);
  await startRole();
  await services.call("attach", attachment());
  role.kill("SIGKILL");
  await once(role, "exit");
  expect(existsSync(join(instanceDir, "link-0.sock"))).toBe(true);

  await startRole();
  await services.call("attach", attachment());
  expect(await call("x")).toBe("ran x");
  // Attaching again is no mistake.
  await services.call("attach", attachment());
  expect(await call("x")).toBe("ran x");
});

test("a socket that cannot be opened is told to the supervisor", async () => {
  await startRole();
  const directory = join(dataDir, "none");
  await expect(services.call("attach", { ...attachment(), directory })).rejects.toThrow("link-0.sock");
});

test("detach closes the sockets", async () => {
  await startRole();
  await services.call("attach", attachment());
  await services.call("detach", { instanceId: "caller" });
  await expect(connectLink()).rejects.toThrow();
});

test("release waits for calls in flight, gone ends them", async () => {
  await writeRoutes(["b"]);
  await startRole();
  await services.call("attach", attachment());
  const instance = { instanceId: "i1", versionId: "v1" };

  const [first, served] = await connectThrough();
  expect(await services.call("release", { ...instance, onlyIfIdle: true })).toEqual({ released: false });
  expect(await services.call("inFlight", { instanceId: "i1" })).toEqual({ count: 1 });
  const released = services.call("release", { ...instance, onlyIfIdle: false });
  first.end("late");
  expect(await text(first)).toBe("ran late");
  expect(await released).toEqual({ released: true });
  expect(served.destroyed).toBe(true);

  await services.call("gone", { ...instance, cause: "crash" });
  const [second, running] = await connectThrough();
  second.on("error", () => {});
  // Before anything has passed, the call would be made again elsewhere.
  const begun = once(running, "data");
  second.write("begin");
  await begun;
  await services.call("gone", { ...instance, cause: "crash" });
  expect(await text(second)).toBe("");
});

test("drain refuses new calls, ends those in flight, then exits", async () => {
  await writeRoutes(["b"]);
  await startRole();
  await services.call("attach", attachment());
  const [socket] = await connectThrough();
  const exited = once(role, "exit");
  expect(await services.call("drain", {})).toEqual({});
  await expect(connectLink()).rejects.toThrow();
  socket.end("x");
  expect(await text(socket)).toBe("ran x");
  expect(await exited).toEqual([0, null]);
});

test("the role ends with its supervisor", async () => {
  await startRole();
  const exited = once(role, "exit");
  role.disconnect();
  expect(await exited).toEqual([0, null]);
});
