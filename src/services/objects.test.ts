/** Durable Objects at home and through the gate, with real workerd processes. */
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Homes } from "../domain/homes.ts";
import type { LaunchRecord, ObjectClass } from "../domain/version.ts";
import { planLaunch } from "../products/launch.ts";
import { Callees } from "../workerd/callees.ts";
import type { Predecessor } from "../workerd/plan.ts";
import { startTestRunner, type TestBlobs, type TestRunner, testRecord } from "../workerd/testing.ts";
import { Broker } from "./broker.ts";
import { Links } from "./links.ts";
import { Deployments } from "./snapshot.ts";
import { OBJECTS_CALLER, objectsOwner } from "./testing-objects.ts";

const ACCOUNT = "a".repeat(32);
const NAMESPACE = "5".repeat(32);
const CLASS: ObjectClass = { className: "Room", namespaceId: NAMESPACE, storage: "sqlite" };

const blobs: TestBlobs = new Map();
const started: TestRunner[] = [];
const directories: string[] = [];

let homes = homesOf("home-1");
let acquire: (versionId: string) => Promise<TestRunner>;
const callees = new Callees();
const broker = new Broker({
  deployments: new Deployments(),
  homes: () => homes,
  callees,
  async acquire(versionId) {
    const { rpcSocket } = await acquire(versionId);
    return { runner: { instanceId: versionId, versionId, httpSocket: "", rpcSocket } };
  },
});
const links = new Links((connection, accountId, to) => void broker.call(connection, accountId, to));

function homesOf(versionId: string, accountId = ACCOUNT): Homes {
  const home = { accountId, scriptName: "owner", versionId, guests: [], classes: [CLASS], workflows: [] };
  return new Homes({ generation: 1, homes: [home] });
}

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "fh-do-"));
  directories.push(path);
  return path;
}

const binding = { type: "durable_object_namespace", name: "ROOM", className: "Room", namespaceId: NAMESPACE } as const;
const state = directory();

/** Starts a version with the class, as its home. `versionId` is its instance, too. */
async function startHome(versionId: string, predecessor?: Predecessor): Promise<TestRunner> {
  const record = testRecord(
    blobs,
    { "index.js": objectsOwner(versionId) },
    {
      bindings: [binding],
      exports: [
        { name: "Room", kind: "durable-object", handlers: ["fetch"] },
        { name: "default", kind: "object", handlers: ["fetch"] },
      ],
    },
  );
  const stateDir = await state;
  await mkdir(join(stateDir, NAMESPACE), { recursive: true });
  const runner = await startTestRunner(planLaunch, record, blobs, {
    stateDir,
    placement: { kind: "home", classes: [CLASS], workflows: [] },
    instanceId: versionId,
    ...(predecessor && { predecessor }),
  });
  expect(runner.started, runner.stderr()).toBe(true);
  started.push(runner);
  return runner;
}

/** Starts a Worker that binds the class of the other script. */
async function startCaller(accountId = ACCOUNT): Promise<TestRunner> {
  const servicesDir = await directory();
  const record: LaunchRecord = testRecord(
    blobs,
    { "index.js": OBJECTS_CALLER },
    { bindings: [{ ...binding, scriptName: "owner" }] },
  );
  await links.attach({
    instanceId: servicesDir,
    versionId: "caller",
    accountId,
    directory: servicesDir,
    links: [{ socket: "link-0.sock", to: { stateId: NAMESPACE } }],
  });
  const runner = await startTestRunner(planLaunch, record, blobs, { servicesDir });
  expect(runner.started, runner.stderr()).toBe(true);
  started.push(runner);
  return runner;
}

const call = async (runner: TestRunner, name: string) => JSON.parse((await runner.fetch(`/${name}`)).body);

/** Resolves when the object's slow method runs. */
const called = (runner: TestRunner) => expect.poll(() => runner.stdout(), { timeout: 20_000 }).toContain("slow called");

async function end(runner: TestRunner, signal: NodeJS.Signals): Promise<void> {
  runner.process.kill(signal);
  await once(runner.process, "exit");
}

let home: TestRunner;
let currentId = "home-1";
let caller: TestRunner;

beforeAll(async () => {
  home = await startHome("home-1");
  caller = await startCaller();
  acquire = async () => home;
});

afterAll(async () => {
  links.detachAll();
  await Promise.all(started.map((runner) => runner.stop()));
  await Promise.all(directories.map((path) => rm(path, { recursive: true })));
});

const request = { method: "POST", cf: { colo: "X" }, body: "hello" };
const thrown = { error: "RangeError: thrown", code: 42, remote: true };

const behaviours: [string, object][] = [
  ["fetch", { result: { ...request, url: "https://object.example/p?q", a: "1" } }],
  ["streamed", { result: { method: "POST", body: "hello", url: "https://object.example/p", a: "2" } }],
  ["large", { result: 5_000_000 }],
  ["redirect", { result: [302, "https://elsewhere.example/"] }],
  ["add", { result: 3 }],
  ["values", { result: [5, "2", true, 2, true] }],
  ["property", { result: 7 }],
  ["propertyObject", { result: 8 }],
  ["callback", { result: 10 }],
  ["pipelined", { result: 11 }],
  ["target", { result: [1, 6] }],
  ["stream", { result: "streamed" }],
  ["upload", { result: "uploaded" }],
  ["throws", thrown],
  ["throwsInFetch", thrown],
  ["missing", { error: 'TypeError: The RPC receiver does not implement the method "missing".', remote: true }],
  ["webSocket", { result: ["echo hi", 4001] }],
  ["sockets", { result: [1000, 1000] }],
  ["order", { result: true }],
  ["orderInTurns", { result: true }],
  ["longLived", { result: [1, 2500, "012"] }],
  ["sameObject", { result: 1 }],
  ["storage", { result: { v: [1] } }],
  ["sql", { result: 1 }],
  ["block", { result: [true, true] }],
  ["alarm", { result: "rang for alarm" }],
  ["socket", { result: "ping" }],
];

test.each(behaviours)("%s at home", async (name, reply) => {
  expect(await call(home, name)).toEqual(reply);
});

test.each(behaviours)("%s through the gate", async (name, reply) => {
  expect(await call(caller, name)).toEqual(reply);
});

test.each(["ids", "wrongId", "reserved"])("%s is the same at both", async (name) => {
  const [atHome, throughGate] = [await call(home, name), await call(caller, name)];
  expect(throughGate).toEqual(atHome);
  if (name === "ids") {
    expect(atHome.result).toMatchObject([true, true, true, { name: "a" }, null, "a", true]);
  }
});

/** Moves the home as the supervisor does, to a new process of the version. */
async function move(versionId: string): Promise<TestRunner> {
  const [old, oldId] = [home, currentId];
  const ready = Promise.withResolvers<TestRunner>();
  homes = homesOf(versionId);
  acquire = () => ready.promise;
  const drained = await old.fetch("/drain", { method: "POST", socket: old.gateSocket });
  expect(drained.status).toBe(200);
  await callees.release(oldId, true);
  await end(old, "SIGTERM");
  home = await startHome(versionId, { instanceId: oldId, orderly: true });
  currentId = versionId;
  ready.resolve(home);
  return home;
}

test("a caller in a loop sees nothing of a home that moves, and writes stay in order", async () => {
  const looping = call(caller, "loop");
  const stored = async () => Number((await call(caller, "stored")).result);
  await expect.poll(stored).toBeGreaterThan(3);
  await move("home-2");
  const afterOne = await stored();
  await expect.poll(stored).toBeGreaterThan(afterOne + 3);
  await move("home-3");
  const afterTwo = await stored();
  await expect.poll(stored).toBeGreaterThan(afterTwo + 3);
  await call(caller, "endLoop");
  expect(await looping).toEqual({ result: await stored() });
  expect(await call(caller, "version")).toEqual({ result: "home-3" });
});

test.each(["slow", "slowStream"])("%s: a call in flight is finished by the home that took it", async (name) => {
  const slow = call(caller, name);
  await called(home);
  await move(`after-${name}`);
  expect(await slow).toHaveProperty("result");
});

test("a call that cannot be sent twice goes to the new home", async () => {
  await call(caller, "add");
  const moving = move("home-4");
  expect(await call(caller, "upload")).toEqual({ result: "uploaded" });
  await moving;
});

test("a home that is killed: calls in flight fail as the original's do, the next one works", async () => {
  const slow = call(caller, "slow");
  await called(home);
  const { result: before } = await call(caller, "count");
  expect(before).toBe(1);
  await end(home, "SIGKILL");
  expect(await slow).toMatchObject({ error: "Error: Network connection lost.", retryable: true });
  home = await startHome("home-5");
  currentId = "home-5";
  homes = homesOf("home-5");
  acquire = async () => home;
  // Not at once: the caller's connection for this object may be the one that broke.
  await expect.poll(() => call(caller, "count")).toEqual({ result: before + 1 });
});

test("the state of another account does not exist", async () => {
  const stranger = await startCaller("b".repeat(32));
  expect(await call(stranger, "add")).toMatchObject({
    error: "Error: The Worker that owns this Durable Object or workflow is not deployed.",
  });
});

test("the gate says who it is, and has no other routes", async () => {
  const ask = (path: string) => home.fetch(path, { socket: home.gateSocket });
  expect(JSON.parse((await ask("/")).body)).toEqual({ instanceId: currentId, draining: false, inFlight: 0 });
  expect((await ask("/drain")).status).toBe(404);
});
