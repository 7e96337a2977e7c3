/** Service bindings between real workerd processes, joined by the broker. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Homes } from "../domain/homes.ts";
import type { AcquireReply } from "../domain/messages.ts";
import type { Share } from "../domain/routing.ts";
import type { BindingOf } from "../domain/version.ts";
import { planLaunch } from "../products/launch.ts";
import { Callees } from "../workerd/callees.ts";
import { startTestRunner, type TestBlobs, type TestRunner, testRecord } from "../workerd/testing.ts";
import { Backends, type BackendsOptions } from "./backends.ts";
import { Broker } from "./broker.ts";
import { Links } from "./links.ts";
import { Deployments } from "./snapshot.ts";
import { CALLER, callee } from "./testing.ts";
import { VersionLinks } from "./version-links.ts";

const ACCOUNT = "acc";
const blobs: TestBlobs = new Map();
const started: TestRunner[] = [];
const directories: string[] = [];
const allBackends: Backends[] = [];

const deployments = new Deployments();
const callees = new Callees();
let acquire: (versionId: string) => AcquireReply;
const lost: string[] = [];
const broker = new Broker({
  deployments,
  homes: () => new Homes(),
  callees,
  acquire: async (versionId) => acquire(versionId),
  lost: ({ instanceId }) => lost.push(instanceId),
  random: () => 0.5,
});
const links = new Links((connection, accountId, to) => void broker.call(connection, accountId, to));

/** Starts a caller whose binding `CALLEE` is as given, with its sockets open. */
async function startCaller(target: Partial<BindingOf<"service">>): Promise<(call: string) => Promise<unknown>> {
  const servicesDir = await mkdtemp(join(tmpdir(), "fh-link-"));
  directories.push(servicesDir);
  const record = testRecord(
    blobs,
    { "index.js": CALLER },
    { bindings: [{ type: "service", name: "CALLEE", service: "callee", ...target }] },
  );
  const { links: wanted, backends: wantedBackends } = planLaunch(record, {
    mode: "serve",
    socketDir: "",
    servicesDir: "",
    placement: { kind: "none" },
    stateDir: "/state",
    emptyDir: "",
    allowPrivate: [],
    unseal: () => "",
  });
  const request = {
    ...{ instanceId: servicesDir, versionId: "caller", accountId: ACCOUNT, directory: servicesDir, links: wanted },
    ...(wantedBackends && { backends: wantedBackends }),
  };
  await writeFile(join(servicesDir, "caller.json"), JSON.stringify({ ...record, accountId: ACCOUNT }));
  // Of the back-ends only the one that answers about versions is asked.
  const backends = new Backends({
    versions: new VersionLinks(deployments, links),
    launchRecord: (versionId: string) => join(servicesDir, `${versionId}.json`),
  } as unknown as BackendsOptions);
  allBackends.push(backends);
  await Promise.all([links.attach(request), backends.attach(request)]);
  const runner = await startTestRunner(planLaunch, record, blobs, { servicesDir });
  started.push(runner);
  return async (call) => JSON.parse((await runner.fetch(`/${call}`)).body);
}

async function startCallee(version: string): Promise<TestRunner> {
  const runner = await startTestRunner(planLaunch, testRecord(blobs, { "index.js": callee(version) }), blobs);
  started.push(runner);
  return runner;
}

/** Resolves when the callee's method `slow` runs. */
const called = (runner: TestRunner) => expect.poll(() => runner.stdout(), { timeout: 20_000 }).toContain("slow called");

const address = (instanceId: string, { rpcSocket }: { rpcSocket: string }): AcquireReply => ({
  runner: { instanceId, versionId: "", httpSocket: "", rpcSocket },
});

function deploy(shares: Share[]): void {
  const script = { enabled: true, previewsEnabled: true, versions: [], aliases: {} };
  deployments.load({
    generation: 1,
    accounts: [],
    scripts: [{ id: "callee", accountId: ACCOUNT, name: "callee", shares, ...script }],
  });
}

let one: TestRunner;
let call: (call: string) => Promise<unknown>;

beforeAll(async () => {
  one = await startCallee("one");
  call = await startCaller({ entrypoint: "Api", props: { p: [1] } });
});

beforeEach(() => {
  acquire = () => address("one", one);
  deploy([{ versionId: "v1", percentage: 100 }]);
});

afterAll(async () => {
  links.detachAll();
  await Promise.all(allBackends.map((backends) => backends.detachAll()));
  await Promise.all(started.map((runner) => runner.stop()));
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true })));
});

test.each([
  [
    "fetch",
    {
      result: {
        method: "POST",
        url: "https://callee.example/p?q",
        cf: { colo: "X" },
        a: "1",
        body: "hello",
        props: { p: [1] },
      },
    },
  ],
  ["add", { result: 3 }],
  ["property", { result: 7 }],
  ["reserved", { result: "tested t" }],
  ["callback", { result: 10 }],
  ["pipelined", { result: 11 }],
  ["target", { result: [1, 6, 102] }],
  ["stream", { result: "streamed" }],
  ["throws", { error: "RangeError: thrown", code: 42 }],
  ["missing", { error: 'TypeError: The RPC receiver does not implement the method "missing".' }],
  ["socket", { result: "ping" }],
  ["websocket", { result: "echo hi" }],
  ["concurrent", { result: 4950 }],
  ["large", { result: 20_000_000 }],
])("%s passes", async (name, reply) => {
  expect(await call(name)).toEqual(reply);
});

test("a request names the version of a split, or belongs to one by its key", async () => {
  const two = await startCallee("two");
  acquire = (versionId) => (versionId === "v2" ? address("two", two) : address("one", one));
  const split = (share: number) =>
    deploy([
      { versionId: "v1", percentage: 100 - share },
      { versionId: "v2", percentage: share },
    ]);
  split(0);
  expect(await call("overridden")).toEqual({ result: "two" });
  split(50);
  const { result: half } = (await call("keyed")) as { result: string[] };
  expect(half.slice(10)).toEqual(half.slice(0, 10));
  expect(new Set(half)).toEqual(new Set(["one", "two"]));
  // Raising the second version's share takes no key from it.
  split(80);
  const { result: most } = (await call("keyed")) as { result: string[] };
  expect(half.every((version, index) => version === "one" || most[index] === "two")).toBe(true);
  // A version that left the deployment is not reached by its name.
  deploy([{ versionId: "v1", percentage: 100 }]);
  expect(await call("overridden")).toEqual({ result: "one" });
});

test("a thousand calls leave nothing open, and none of them is lost", async () => {
  const open = () => [readdirSync(`/proc/${one.process.pid}/fd`).length, broker.calls.size];
  await call("add");
  await expect.poll(() => broker.calls.size).toBe(0);
  const [files] = open();
  expect(await call("many")).toEqual({ result: 500 });
  await expect.poll(open).toEqual([files, 0]);
  expect(lost).toEqual([]);
});

test("the default entrypoint is the one without a name", async () => {
  const callDefault = await startCaller({});
  expect(await callDefault("fetch")).toEqual({ result: "default" });
});

test("an entrypoint that is missing is an exception", async () => {
  const callMissing = await startCaller({ entrypoint: "Gone" });
  const error = 'Error: Worker does not export an entrypoint named "Gone"';
  expect(await callMissing("add")).toEqual({ error });
  expect(await callMissing("fetch")).toEqual({ error });
});

test.each(["add", "fetch", "property"])("%s says why the Worker is not there", async (name) => {
  deploy([]);
  expect(await call(name)).toEqual({ error: 'Error: Worker "callee" has no deployment.' });
  deployments.load({ generation: 2, accounts: [], scripts: [] });
  expect(await call(name)).toEqual({ error: 'Error: Worker "callee" does not exist.' });
});

test("a version that does not start is an exception", async () => {
  acquire = () => ({ unavailable: "crash-loop", message: "it died three times" });
  expect(await call("add")).toEqual({
    error: 'Error: Worker "callee" is not available: it died three times',
  });
});

test("a failing supervisor is an exception without internals", async () => {
  acquire = () => {
    throw new Error("secret path");
  };
  expect(await call("add")).toEqual({ error: 'Error: Worker "callee" could not be reached.' });
});

test("a runner that is just gone is replaced by the next one", async () => {
  const addresses = [address("gone", { rpcSocket: "/nonexistent.sock" }), address("one", one)];
  acquire = () => addresses.shift() ?? address("one", one);
  expect(await call("add")).toEqual({ result: 3 });
});

test("calls choose a version by share", async () => {
  const asked: string[] = [];
  acquire = (versionId) => {
    asked.push(versionId);
    return address("one", one);
  };
  deploy([
    { versionId: "v1", percentage: 49 },
    { versionId: "v2", percentage: 51 },
  ]);
  await call("add");
  expect(asked).toEqual(["v2"]);
});

test("a deploy while calls run: those end where they began, new ones go to the new version", async () => {
  const old = await startCallee("old");
  const two = await startCallee("two");
  acquire = (versionId) => (versionId === "v2" ? address("two", two) : address("old", old));
  const slow = call("slow");
  await called(old);

  expect(callees.isIdle("old", "v1")).toBe(false);
  expect(callees.inFlight("old")).toBe(1);
  deploy([{ versionId: "v2", percentage: 100 }]);
  const released = callees.release("old");
  expect(await call("version")).toEqual({ result: "two" });
  expect(await slow).toEqual({ result: "old" });
  await released;
  expect(callees.inFlight("old")).toBe(0);

  // A late answer of the supervisor does not bring the old one back.
  const addresses = [address("old", old), address("two", two)];
  acquire = () => addresses.shift() ?? address("two", two);
  expect(await call("version")).toEqual({ result: "two" });
});

test("calls to an instance fail when it is gone", async () => {
  const dying = await startCallee("dying");
  acquire = () => address("dying", dying);
  const slow = call("slow");
  await called(dying);
  dying.process.kill("SIGSTOP");
  callees.gone("dying");
  expect(await slow).toEqual({ error: "Error: Network connection lost." });
  expect(lost.splice(0)).toEqual(["dying"]);
  expect(callees.isIdle("dying", "v1")).toBe(true);
});

test("a killed callee fails its calls", async () => {
  const dying = await startCallee("dying");
  acquire = () => address("killed", dying);
  const slow = call("slow");
  await called(dying);
  dying.process.kill("SIGKILL");
  await once(dying.process, "exit");
  expect(await slow).toEqual({ error: "Error: Network connection lost." });
  expect(lost.splice(0)).toEqual(["killed"]);
});
