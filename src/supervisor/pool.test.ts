import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { paths } from "../domain/paths.ts";
import { createMasterKey, seal } from "../lib/seal.ts";
import { identify } from "./proc.ts";
import { fetchRunner, startTestPool, storeVersion, type TestPool, until } from "./testing.ts";

const HELLO = "export default { fetch() { return new Response('hello'); } }";

let test1: TestPool;
beforeAll(async () => {
  test1 = await startTestPool();
});
afterAll(() => test1.close());
afterEach(() => {
  test1.members.release = async () => true;
  test1.members.attach = async () => {};
  test1.calls.length = 0;
});

const ofVersion = (versionId: string) => test1.pool.status().filter((runner) => runner.versionId === versionId);

describe("acquire", () => {
  test("starts a runner once, however many ask", async () => {
    const record = storeVersion(test1.config, HELLO);
    const runners = await Promise.all([1, 2, 3].map(() => test1.start(record)));
    expect(new Set(runners.map((runner) => runner.instanceId)).size).toBe(1);
    expect((await fetchRunner(runners[0]!)).body).toBe("hello");
    expect((await test1.start(record)).pid).toBe(runners[0]?.pid);
  });

  test("keeps secrets from the disk once the runner listens", async () => {
    const key = createMasterKey(paths(test1.config).masterKey);
    const record = storeVersion(test1.config, "export default { fetch(_, env) { return new Response(env.KEY); } }", {
      bindings: [{ type: "secret_text", name: "KEY", text: seal(key, "open sesame") }],
    });
    const runner = await test1.start(record);
    expect((await fetchRunner(runner)).body).toBe("open sesame");
    const directory = join(runner.httpSocket, "..");
    expect(existsSync(join(directory, "app", "config.capnp"))).toBe(false);
    // The sockets have left the directory that the runner may write to.
    expect(readdirSync(join(directory, "in"))).toEqual([]);
  });

  test("says so when the version is not there", async () => {
    expect(await test1.pool.acquire("no-such-version")).toMatchObject({ unavailable: "missing" });
    expect(await test1.pool.acquire("../../etc/passwd")).toMatchObject({ unavailable: "missing" });
  });

  test("tells why code does not start, and does not try again at once", async () => {
    const record = storeVersion(test1.config, "throw new Error('not today');");
    const reply = await test1.pool.acquire(record.versionId);
    expect(reply).toMatchObject({ unavailable: "startup-failed", message: expect.stringContaining("not today") });
    // The very answer of before, which no other try has made.
    expect(await test1.pool.acquire(record.versionId)).toBe(reply);
    expect(test1.calls.filter((call) => call.name === "gone")).toEqual([]);
  });

  test("attaches bindings that reach other scripts before the runner is given out", async () => {
    const record = storeVersion(test1.config, HELLO, {
      bindings: [{ type: "service", name: "OTHER", service: "other" }],
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    test1.members.attach = () => promise;
    let given = false;
    const runner = test1.start(record).then((started) => {
      given = true;
      return started;
    });
    await until(() => test1.calls.some((call) => call.name === "attach"));
    // It answers already, but its bindings do not.
    const [starting] = ofVersion(record.versionId);
    await until(() => ofVersion(record.versionId)[0]?.state === "ready");
    expect(given).toBe(false);
    resolve();
    expect((await runner).instanceId).toBe(starting?.instanceId);
  });
});

describe("a crash", () => {
  test("is told to the edges, and the next request starts another runner at once", async () => {
    const record = storeVersion(test1.config, HELLO);
    const first = await test1.start(record);
    process.kill(first.pid, "SIGKILL");
    await until(() => test1.calls.some((call) => call.name === "gone"));
    expect(test1.calls).toContainEqual({
      name: "gone",
      request: { instanceId: first.instanceId, versionId: record.versionId, cause: "crash" },
    });
    expect(await test1.pool.verdict(first.instanceId)).toBe("crash");
    expect(existsSync(join(first.httpSocket, ".."))).toBe(false);
    const second = await test1.start(record);
    expect(second.instanceId).not.toBe(first.instanceId);
    expect((await fetchRunner(second)).body).toBe("hello");
  });

  test("that repeats itself is answered with longer and longer pauses", async () => {
    const record = storeVersion(test1.config, HELLO);
    const pausesMs: number[] = [];
    for (let deaths = 0; deaths < 4; deaths++) {
      const askedAt = performance.now();
      const runner = await test1.start(record);
      pausesMs.push(performance.now() - askedAt);
      process.kill(runner.pid, "SIGKILL");
      await until(() => ofVersion(record.versionId).length === 0);
    }
    expect(pausesMs[2]).toBeGreaterThan(90);
    expect(pausesMs[3]).toBeGreaterThan(450);
    expect(await test1.pool.acquire(record.versionId)).toEqual({
      unavailable: "crash-loop",
      message: expect.stringMatching(/^it ended 4 times in a row; next try in [12] s$/),
    });
  });
});

describe("retire", () => {
  test("lets requests in flight end, then stops the runner; the version can start again", async () => {
    const record = storeVersion(
      test1.config,
      "export default { async fetch() { await scheduler.wait(300); return new Response('slow'); } }",
    );
    const runner = await test1.start(record);
    const slow = fetchRunner(runner);
    // An edge agrees once its request is done.
    test1.members.release = () => slow.then(() => true);
    test1.pool.retire([record.versionId]);
    await until(() => ofVersion(record.versionId)[0]?.state === "draining");
    const other = await test1.start(record);
    expect(other.instanceId).not.toBe(runner.instanceId);
    expect((await slow).body).toBe("slow");
    expect(identify(runner.pid)).toBeDefined();
    expect(test1.calls.map((call) => call.name).filter((name) => name !== "attach")).toEqual(["release"]);
  });

  test("keeps a bounded number of runners for waitUntil", async () => {
    const records = Array.from({ length: 10 }, () => storeVersion(test1.config, HELLO));
    await Promise.all(records.map((record) => test1.start(record)));
    test1.pool.retire(records.map((record) => record.versionId));
    const left = () => records.filter(({ versionId }) => ofVersion(versionId).length > 0);
    await until(() => left().length <= 8);
    expect(left()).toEqual(records.slice(2));
    // Nobody else wants the places of these.
    await until(() => left().every(({ versionId }) => ofVersion(versionId)[0]?.state === "draining"));
    expect(left()).toHaveLength(8);
    expect(test1.calls.filter((call) => call.name === "gone")).toEqual([]);
  });
});

describe("a script that somebody watches", () => {
  const SLOW = "export default { async fetch() { await scheduler.wait(200); return new Response('slow'); } }";
  const named = (script: string) => ({ accountId: "a".repeat(32), script });
  /** The last of them by a new session. */
  const watch = (scripts: string[]) => test1.pool.watch(scripts.map(named), named(scripts.at(-1) ?? ""));
  afterEach(() => watch([]));

  test("gets a runner that reports, and the one before serves until that is there", async () => {
    const record = storeVersion(test1.config, SLOW, { scriptName: "watched" });
    const other = storeVersion(test1.config, HELLO, { scriptName: "another" });
    const [before, untouched] = [await test1.start(record), await test1.start(other)];
    const slow = fetchRunner(before);
    test1.members.release = () => slow.then(() => true);
    const watching = watch(["watched"]);
    // Whoever asks meanwhile is given one that serves.
    expect((await test1.start(record)).instanceId).toBe(before.instanceId);
    await watching;
    const after = await test1.start(record);
    expect(after.instanceId).not.toBe(before.instanceId);
    expect((await slow).body).toBe("slow");
    expect(test1.calls.filter(({ name }) => name === "release")).toEqual([
      {
        name: "release",
        request: { instanceId: before.instanceId, versionId: record.versionId, onlyIfIdle: false },
      },
    ]);
    expect((await test1.start(other)).instanceId).toBe(untouched.instanceId);
  });

  test("is not touched when its runner reports already, nor as soon as nobody watches", async () => {
    const record = storeVersion(test1.config, HELLO, { scriptName: "watched" });
    await watch(["watched"]);
    const runner = await test1.start(record);
    await watch(["watched", "another"]);
    await test1.pool.observe([{ accountId: "a".repeat(32), script: "watched" }]);
    await watch([]);
    await test1.pool.observe([]);
    expect((await test1.start(record)).instanceId).toBe(runner.instanceId);
  });

  test("keeps the runner it has when the other one does not start", async () => {
    const record = storeVersion(test1.config, HELLO, { scriptName: "watched" });
    const runner = await test1.start(record);
    // Its code cannot be read any more.
    rmSync(paths(test1.config).launchRecord(record.versionId));
    expect(await watch(["watched"])).toMatchObject([{ versionId: record.versionId, why: "there is no such version" }]);
    expect((await test1.start(record)).instanceId).toBe(runner.instanceId);
    expect((await fetchRunner(runner)).body).toBe("hello");
  });

  test("is waited for, and no other script", async () => {
    const mine = storeVersion(test1.config, HELLO, { scriptName: "mine" });
    const theirs = storeVersion(test1.config, HELLO, { scriptName: "theirs" });
    const before = await test1.start(mine);
    const { promise: attached, resolve: attach } = Promise.withResolvers<void>();
    test1.members.attach = ({ versionId }) => (versionId === theirs.versionId ? attached : Promise.resolve());
    const starting = test1.start(theirs);
    await until(() => ofVersion(theirs.versionId).length > 0);
    const waiting = watch(["theirs"]);
    let isOver = false;
    void waiting.then(() => (isOver = true));
    expect(await watch(["theirs", "mine"])).toEqual([]);
    // Whoever waits for theirs began before, and would not wait longer for it than this.
    expect(isOver).toBe(false);
    expect((await test1.start(mine)).instanceId).not.toBe(before.instanceId);
    attach();
    const silentOne = await starting;
    expect(await waiting).toEqual([]);
    expect((await test1.start(theirs)).instanceId).not.toBe(silentOne.instanceId);
  });
});

describe("an idle runner", () => {
  let idle: TestPool;
  beforeAll(async () => {
    idle = await startTestPool({ FREEHOLD_RUNNER_IDLE_SECONDS: "1" });
  });
  afterAll(() => idle.close());

  test("is stopped when edges and services have nothing in flight there", async () => {
    const record = storeVersion(idle.config, HELLO);
    let agreed = false;
    idle.members.release = async () => agreed;
    const runner = await idle.start(record);
    await fetchRunner(runner);
    await until(() => idle.calls.filter((call) => call.name === "release").length > 1);
    expect(idle.pool.status()).toMatchObject([{ instanceId: runner.instanceId, state: "ready" }]);
    expect(idle.calls.find((call) => call.name !== "attach")).toEqual({
      name: "release",
      request: { instanceId: runner.instanceId, versionId: record.versionId, onlyIfIdle: true },
    });
    agreed = true;
    await until(() => idle.pool.status().length === 0);
    expect(identify(runner.pid)).toBeUndefined();
    expect(idle.calls.filter((call) => call.name === "gone")).toEqual([]);
    expect(await idle.pool.verdict(runner.instanceId)).toBe("none");
  });

  test("stays when a request comes for it while the edges are asked", async () => {
    const record = storeVersion(idle.config, HELLO);
    const runner = await idle.start(record);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    let asked = 0;
    idle.members.release = () => (asked++ === 0 ? promise : Promise.resolve(false));
    await until(() => asked === 1);
    expect((await idle.start(record)).instanceId).toBe(runner.instanceId);
    resolve(true);
    await until(() => asked === 2);
    expect((await fetchRunner(runner)).body).toBe("hello");
  });
});

test("a runner that is stopped delivers what it has to report", async () => {
  const other = await startTestPool();
  const reported: { event: { request: { url: string } } }[] = [];
  // Slow, so that the second report has to wait in the runner.
  const services = createServer(async (request, response) => {
    reported.push(...JSON.parse(await text(request)));
    setTimeout(() => response.writeHead(204).end(), 80);
  });
  other.members.attach = async ({ directory, backends }) => {
    await new Promise<void>((resolve) => services.listen(join(directory, backends?.socket ?? ""), resolve));
  };
  const record = storeVersion(other.config, HELLO, { scriptName: "watched" });
  await other.pool.observe([{ accountId: record.accountId, script: "watched" }]);
  const runner = await other.start(record);
  await fetchRunner(runner, "/one");
  await until(() => reported.length === 1);
  await fetchRunner(runner, "/two");
  await other.close();
  expect(reported.map(({ event }) => new URL(event.request.url).pathname)).toEqual(["/one", "/two"]);
  services.close();
});

test("stop ends all runners and removes what they had", async () => {
  const other = await startTestPool();
  const record = storeVersion(other.config, HELLO);
  const { pid } = await other.start(record);
  const starting = other.pool.acquire(storeVersion(other.config, HELLO).versionId);
  await other.pool.stop();
  expect(identify(pid)).toBeUndefined();
  expect(await starting).toMatchObject({ unavailable: expect.any(String) });
  expect(await other.pool.acquire(record.versionId)).toMatchObject({ unavailable: "overloaded" });
  expect(readdirSync(other.config.runDir)).toEqual(["seccomp.bpf"]);
  expect(readFileSync(paths(other.config).runnerPids, "utf8")).toBe("");
  await other.close();
});
