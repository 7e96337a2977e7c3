import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Load } from "./harness/load.ts";
import { ObjectCaller, until } from "./harness/objects.ts";
import { killProcess, type Platform, startPlatform } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { RawWebSocket } from "./harness/raw-socket.ts";
import "./harness/suite.ts";

/** Runners are stopped soon, so that tests see what happens to state without a process. */
const env = { FREEHOLD_RUNNER_IDLE_SECONDS: "2" };

let running: Platform;
const platform = () => running;
const project = new Project("objects-app");
const guest = new Project("objects-guest");

beforeAll(async () => {
  running = await startPlatform({ env });
  await platform().wranglerOk(project.directory, ["deploy"]);
  await platform().wranglerOk(guest.directory, ["deploy"]);
});

afterAll(async () => {
  project[Symbol.dispose]();
  guest[Symbol.dispose]();
  const { left } = await running.stop();
  rmSync(dirname(running.dataDir), { recursive: true, force: true });
  expect(left.map((process) => process.command.join(" "))).toEqual([]);
});

const home = () => new ObjectCaller(platform(), "objects-app");
const elsewhere = () => new ObjectCaller(platform(), "objects-guest");

async function hostOf(script: string): Promise<string> {
  return new URL(await platform().url(script)).hostname;
}

const join = async (room: string, member: string, script = "objects-app") =>
  RawWebSocket.open(platform().port, await hostOf(script), `/CHAT/${room}?as=${member}`);

const textOf = (frame: { payload: Buffer } | undefined) => frame?.payload.toString();
const closeCode = (frame: { opcode: number; payload: Buffer } | undefined) =>
  frame?.opcode === 8 ? frame.payload.readUInt16BE(0) : undefined;

describe("objects, from their own script and from another", () => {
  test("both see the same state", async () => {
    expect(await home().call("COUNTER", "shared", "increment", 2)).toBe(2);
    expect(await elsewhere().call("COUNTER", "shared", "increment", 3)).toBe(5);
    expect(await home().call("COUNTER", "shared", "value")).toBe(5);
    const reply = await platform().fetch(await platform().url("objects-guest", "/COUNTER/shared"));
    expect(reply.body).toBe("6");
  });

  test("ids are equal, and foreign ones are refused", async () => {
    const reply = await platform().fetch(await platform().url("objects-guest", "/id/shared"));
    const { id, equal, fresh } = reply.json() as { id: string; equal: boolean; fresh: string };
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(fresh).toMatch(/^[0-9a-f]{64}$/);
    expect(equal).toBe(true);
  });

  test("properties can be read from elsewhere", async () => {
    const reply = await platform().fetch(await platform().url("objects-guest", "/label/shared"));
    expect(reply.json()).toEqual({ result: "counter" });
  });

  test.each([
    ["at home", home],
    ["from elsewhere", elsewhere],
  ])("exceptions keep their names and properties: %s", async (_, caller) => {
    const { error } = await caller().outcome("COUNTER", "any", "fail");
    expect(error).toMatchObject({ name: "RangeError", message: "it went wrong" });
  });

  test("SQL in a transaction: both entries or none", async () => {
    expect(await elsewhere().call("LEDGER", "bank", "transfer", "ann", "bob", 500, "rent")).toBe(500);
    const { error } = await home().outcome("LEDGER", "bank", "transfer", "ann", "bob", -1);
    expect(error?.name).toBe("TypeError");
    expect(await home().call("LEDGER", "bank", "entries")).toEqual([
      { account: "ann", cents: -500, note: "rent" },
      { account: "bob", cents: 500, note: "rent" },
    ]);
  });
});

describe("a chat room", () => {
  test("members of both scripts hear each other", async () => {
    const ann = await join("lobby", "ann");
    const bob = await join("lobby", "bob", "objects-guest");
    ann.send("hello");
    expect(textOf(await ann.next())).toBe("ann: hello");
    expect(textOf(await bob.next())).toBe("ann: hello");
    bob.send("@ann psst");
    expect(textOf(await ann.next())).toBe("bob: @ann psst");
    ann.close(4001);
    expect(closeCode(await ann.next())).toBe(4001);
    bob.close();
    await bob.next();
  });

  test("sleeps with its sockets open, and wakes for a message", { timeout: 60_000 }, async () => {
    const ann = await join("sleepy", "ann");
    const wakes = async () =>
      (
        (await (await platform().fetch(await platform().url("objects-app", "/CHAT/sleepy"))).json()) as {
          wakes: number;
        }
      ).wakes;
    const before = await wakes();
    // Hibernation comes about ten seconds after the last event.
    await new Promise((resolve) => setTimeout(resolve, 14_000));
    ann.send("still here");
    expect(textOf(await ann.next())).toBe("ann: still here");
    expect(await wakes()).toBe(before + 1);
    ann.close();
    await ann.next();
  });

  test("1,000 sockets in one room", { timeout: 60_000 }, async () => {
    const members: RawWebSocket[] = [];
    for (let group = 0; group < 20; group++) {
      members.push(...(await Promise.all(Array.from({ length: 50 }, (_, i) => join("hall", `m${group}_${i}`)))));
    }
    expect(members.map(({ status }) => status).filter((status) => status !== 101)).toEqual([]);
    expect(await home().call("CHAT", "hall", "announce", "welcome")).toBe(1000);
    expect(new Set(await Promise.all(members.map(async (member) => textOf(await member.next()))))).toEqual(
      new Set(["all: welcome"]),
    );
    for (const member of members) member.socket.destroy();
  });
});

describe("alarms", () => {
  const rings = async (name: string) => (await home().call("COUNTER", name, "rings")) as { at: number; name: string }[];
  const runners = () => platform().runners().length;

  test("fire, with the object's name", async () => {
    await elsewhere().call("COUNTER", "soon", "ringIn", 50);
    const [ring] = await until(
      () => rings("soon"),
      (all) => all.length > 0,
    );
    expect(ring?.name).toBe("soon");
  });

  test("fire though the runner was stopped in between and nobody has called", { timeout: 90_000 }, async () => {
    const earliestMs = Date.now() + 20_000;
    await home().call("COUNTER", "idle", "ringIn", 20_000);
    const latestMs = Date.now() + 20_000;
    await until(
      async () => runners(),
      (count) => count === 0,
      19_000,
    );
    await until(
      async () => runners(),
      (count) => count > 0,
      30_000,
    );
    const [ring] = await until(
      () => rings("idle"),
      (all) => all.length > 0,
    );
    expect((ring?.at ?? 0) - earliestMs).toBeGreaterThanOrEqual(-50);
    // The runner has to start for it, which a busy machine makes long.
    expect((ring?.at ?? 0) - latestMs).toBeLessThan(5_000);
  });

  test("fire after the runner was killed", async () => {
    await home().call("COUNTER", "killed", "ringIn", 1_500);
    for (const runner of platform().runners()) killProcess(runner, "SIGKILL");
    await until(
      () => rings("killed").catch(() => []),
      (all) => all.length > 0,
    );
  });

  test("fire after a restart of everything", { timeout: 60_000 }, async () => {
    await home().call("COUNTER", "restart", "ringIn", 100);
    await home().call("COUNTER", "restart-later", "ringIn", 6_000);
    const { dataDir } = running;
    await running.stop();
    running = await startPlatform({ env, dataDir });
    for (const name of ["restart", "restart-later"]) {
      const [ring, ...more] = await until(
        () => rings(name),
        (all) => all.length > 0,
      );
      expect(ring?.name).toBe(name);
      expect(more).toEqual([]);
    }
  });
});

describe("deploys", () => {
  test("move the home: no request fails, state stays, sockets close with 1012", { timeout: 90_000 }, async () => {
    const ann = await join("moving", "ann");
    const bob = await join("moving", "bob", "objects-guest");
    await home().call("COUNTER", "steady", "increment");
    const loads = await Promise.all(
      ["objects-app", "objects-guest"].map(
        async (script) => new Load(await platform().url(script, "/COUNTER/steady"), { connections: 2, pauseMs: 5 }),
      ),
    );
    await Promise.all(loads.map((load) => load.answered(50)));
    project.replace("src/index.js", 'RELEASE = "one"', 'RELEASE = "two"');
    await platform().wranglerOk(project.directory, ["deploy"]);
    expect((await platform().fetch(await platform().url("objects-app", "/release"))).body).toBe("two");
    await Promise.all(loads.map((load) => load.answered(50)));
    const results = await Promise.all(loads.map((load) => load.stop()));
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    console.log(
      `longest stall: ${results.map(({ latenciesMs }) => `${Math.max(...latenciesMs).toFixed(0)} ms`).join(", ")}`,
    );
    // Every request counted once.
    const answered = results.reduce((sum, { requests }) => sum + requests, 0);
    expect(await home().call("COUNTER", "steady", "value")).toBe(answered + 1);
    expect(closeCode(await ann.next())).toBe(1012);
    expect([1006, 1011, 1012, undefined]).toContain(closeCode(await bob.next()));
  });

  test("a change of shares moves the home to the larger one", { timeout: 90_000 }, async () => {
    const versions = (await platform().api.get("/workers/scripts/objects-app/versions")) as { items: { id: string }[] };
    const [newer, older] = versions.items.map(({ id }) => id);
    const load = new Load(await platform().url("objects-app", "/COUNTER/shares"), { connections: 2, pauseMs: 5 });
    await load.answered(20);
    for (const percentage of [90, 30, 60, 100]) {
      const shares = [
        { version_id: newer, percentage },
        ...(percentage < 100 ? [{ version_id: older, percentage: 100 - percentage }] : []),
      ];
      await platform().api.send("POST", "/workers/scripts/objects-app/deployments", {
        strategy: "percentage",
        versions: shares,
      });
      await load.answered(50);
    }
    const { failures, requests } = await load.stop();
    expect(failures).toEqual([]);
    expect(await home().call("COUNTER", "shares", "value")).toBe(requests);
  });

  test("a rename keeps the data", { timeout: 90_000 }, async () => {
    await home().call("LEDGER", "renamed", "transfer", "ann", "bob", 700);
    project.replace(
      "src/index.js",
      'export { Ledger } from "./ledger.js"',
      'export { Ledger as Accounts } from "./ledger.js"',
    );
    project.configure({
      durable_objects: {
        bindings: [
          { name: "COUNTER", class_name: "Counter" },
          { name: "CHAT", class_name: "ChatRoom" },
          { name: "LEDGER", class_name: "Accounts" },
        ],
      },
      migrations: [
        { tag: "v1", new_sqlite_classes: ["Counter", "ChatRoom", "Ledger"] },
        { tag: "v2", renamed_classes: [{ from: "Ledger", to: "Accounts" }] },
      ],
    });
    await platform().wranglerOk(project.directory, ["deploy"]);
    expect(await home().call("LEDGER", "renamed", "balance", "bob")).toBe(700);
    // The other script's binding was made under the old name.
    expect(await elsewhere().call("LEDGER", "renamed", "balance", "bob")).toBe(700);
  });
});

test("a preview version has data of its own", { timeout: 90_000 }, async () => {
  await home().call("COUNTER", "production", "increment", 41);
  const output = await platform().wranglerOk(project.directory, ["versions", "upload", "--preview-alias", "try"]);
  const [id] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(output) ?? [""];
  const preview = new ObjectCaller(platform(), `${id.slice(0, 8)}-objects-app`);
  expect(await preview.call("COUNTER", "production", "value")).toBe(0);
  expect(await preview.call("COUNTER", "production", "increment")).toBe(1);
  expect(await home().call("COUNTER", "production", "value")).toBe(41);
});

test("the agents pattern: a class for each kind, a name for each agent, RPC and WebSocket", {
  timeout: 90_000,
}, async () => {
  using agents = new Project("agents-app");
  await platform().wranglerOk(agents.directory, ["deploy"]);
  const socket = await RawWebSocket.open(platform().port, await hostOf("agents-app"), "/agents/scheduler/mine");
  const next = async () => JSON.parse(textOf(await socket.next()) ?? "null") as unknown;
  expect(await next()).toEqual({ type: "state", state: { done: [] } });
  socket.send(JSON.stringify({ id: 1, method: "schedule", args: ["water the plants", 300] }));
  expect(await next()).toEqual({ type: "result", id: 1, result: 1 });
  expect(await next()).toEqual({ type: "state", state: { done: ["water the plants: done"] } });
  socket.send(JSON.stringify({ id: 2, method: "setState", args: [{}] }));
  expect(await next()).toMatchObject({ type: "error", id: 2 });
  const reply = await platform().fetch(await platform().url("agents-app", "/agents/assistant/helper"));
  expect(reply.json()).toEqual({ name: "helper", state: { asked: 1 } });
  socket.socket.destroy();
});
