import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Config } from "../domain/config.ts";
import type { ReleaseRequest } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { identify } from "./proc.ts";
import { openLock } from "./state-files.ts";
import { fetchRunner, startTestPool, storeVersion, type TestPool, until } from "./testing.ts";
import { homeOf, homes, newClass, OBJECT_SOURCE, planObjects, storeObjects, writeHomes } from "./testing-objects.ts";

let pool: TestPool;
afterEach(() => pool.close());

const ask = async (of: TestPool, record: LaunchRecord, path: string) =>
  (await fetchRunner(await of.start(record), path)).body;

/** Live runners that are of one of the versions. */
const runnersOf = (...records: LaunchRecord[]) =>
  pool.pool.status().filter(({ versionId }) => records.some((record) => record.versionId === versionId));

const readSilent = () => JSON.parse(readFileSync(paths(pool.config).silentRunners, "utf8"));

async function publish(...of: Parameters<typeof homes>): Promise<void> {
  pool.pool.useHomes(homes(...of))();
}

describe.each(["auto", "off"])("a home (sandbox: %s)", (sandbox) => {
  beforeEach(async () => {
    pool = await startTestPool(
      { FREEHOLD_SANDBOX: sandbox, FREEHOLD_DATABASE_MAX_MB: "8" },
      { planLaunch: planObjects },
    );
  });

  test("keeps its objects in the state directory, over the end of its runner", async () => {
    const record = storeObjects(pool.config, [newClass()]);
    await publish(homeOf(record));
    expect(await ask(pool, record, "/add")).toBe("1");
    const [runner] = runnersOf(record);
    process.kill(runner?.pid ?? 0, "SIGKILL");
    await until(() => runnersOf(record).length === 0);
    expect(await ask(pool, record, "/add")).toBe("2");
    expect(existsSync(paths(pool.config).stateOf(record.objects?.[0]?.namespaceId ?? ""))).toBe(true);
  });

  test("cannot write more than the largest database, and lives on", async () => {
    const record = storeObjects(pool.config, [newClass()]);
    await publish(homeOf(record));
    const runner = await pool.start(record);
    expect((await fetchRunner(runner, "/fill?mb=3")).body).toBe("filled");
    expect((await fetchRunner(runner, "/fill?mb=9")).status).toBe(500);
    expect((await fetchRunner(runner, "/add")).body).toBe("1");
    expect(runnersOf(record)[0]?.pid).toBe(runner.pid);
  });

  test("that is watched starts anew with its data, and reports", async () => {
    const record = storeObjects(pool.config, [newClass()]);
    await publish(homeOf(record));
    expect(await ask(pool, record, "/add")).toBe("1");
    const [before] = runnersOf(record);
    const script = { accountId: record.accountId, script: record.scriptName };
    expect(await pool.pool.watch([script], script)).toEqual([]);
    expect(await ask(pool, record, "/add")).toBe("2");
    expect(runnersOf(record)).toHaveLength(1);
    expect(runnersOf(record)[0]?.pid).not.toBe(before?.pid);
  });

  test("that would not start again serves on while it is watched, and those who watch are told", async () => {
    const record = storeObjects(pool.config, [newClass()]);
    const script = { accountId: record.accountId, script: record.scriptName };
    const watch = () => pool.pool.watch([script], script);
    const files = paths(pool.config);
    const sound = readFileSync(files.launchRecord(record.versionId));
    await publish(homeOf(record));
    expect(await ask(pool, record, "/add")).toBe("1");
    const [before] = runnersOf(record);
    const { modules } = storeVersion(pool.config, 'throw new Error("not today")');
    writeFileSync(files.launchRecord(record.versionId), JSON.stringify({ ...record, modules }));
    const why = expect.stringContaining("not today");
    const silent = { ...script, versionId: record.versionId, why, since: expect.any(String) };
    expect(await watch()).toEqual([silent]);
    expect(runnersOf(record)).toEqual([before]);
    expect(await ask(pool, record, "/add")).toBe("2");
    await expect.poll(() => readSilent()).toEqual([silent]);
    expect(pool.log).toEqual([expect.stringContaining("reports nothing and serves on")]);

    writeFileSync(files.launchRecord(record.versionId), sound);
    // Not tried again so soon for others, but for whoever comes to watch.
    await pool.pool.watch([script]);
    expect(runnersOf(record)).toEqual([before]);
    expect(await watch()).toEqual([]);
    expect(await ask(pool, record, "/add")).toBe("3");
    expect(runnersOf(record)[0]?.pid).not.toBe(before?.pid);
    await expect.poll(() => readSilent()).toEqual([]);
    expect(readdirSync(pool.config.runDir).filter((name) => /^[0-9a-f]{12}$/.test(name))).toHaveLength(1);
  });

  test("moves to the next version without two owners, and with its data", async () => {
    const objects = [newClass()];
    const [first, second] = [storeObjects(pool.config, objects), storeObjects(pool.config, objects)];
    await publish(homeOf(first));
    expect(await ask(pool, first, "/add")).toBe("1");
    const [old] = runnersOf(first);
    const slow = fetchRunner(await pool.start(first), "/slow?ms=200");
    pool.members.release = async ({ versionId }) => {
      if (versionId === first.versionId) await slow;
      return true;
    };
    const replaceStale = pool.pool.useHomes(homes(homeOf(second)));
    const waiting = ask(pool, second, "/add");
    replaceStale();
    // The successor starts only once the predecessor is gone.
    await until(() => runnersOf(second).length > 0);
    expect(identify(old?.pid ?? 0)).toBeUndefined();
    expect((await slow).body).toBe("slow");
    expect(await waiting).toBe("2");
    const release = pool.calls.find(({ name }) => name === "release")?.request as ReleaseRequest;
    expect(release).toMatchObject({ instanceId: old?.instanceId, closeWebSockets: true });
  });
});

describe("homes", () => {
  beforeEach(async () => {
    pool = await startTestPool({}, { planLaunch: planObjects });
  });

  test("a preview has data of its own, and is replaced when its version becomes the home", async () => {
    const objects = [newClass()];
    const [first, second] = [storeObjects(pool.config, objects), storeObjects(pool.config, objects)];
    await publish(homeOf(first));
    await ask(pool, first, "/add");
    expect(await ask(pool, second, "/get")).toBe("0");
    const [preview] = runnersOf(second);
    const replaceStale = pool.pool.useHomes(homes(homeOf(second)));
    // Out of service before any edge routes to it as the home.
    expect(runnersOf(second)).toMatchObject([{ instanceId: preview?.instanceId, state: "draining" }]);
    replaceStale();
    expect(await ask(pool, second, "/get")).toBe("1");
    expect(runnersOf(first)).toEqual([]);
  });

  test("a home that becomes a guest is replaced, and so is the guest that becomes the home", async () => {
    const objects = [newClass()];
    const [first, second] = [storeObjects(pool.config, objects), storeObjects(pool.config, objects)];
    await publish(homeOf(first, [second.versionId]));
    expect(await ask(pool, first, "/add")).toBe("1");
    expect(await ask(pool, second, "/add")).toBe("guest");
    await publish(homeOf(second, [first.versionId]));
    expect(await Promise.all([ask(pool, first, "/add"), ask(pool, second, "/add")])).toEqual(["guest", "2"]);
  });

  test("who is still routed to the old version meets the script's data, not a preview's", async () => {
    const objects = [newClass()];
    const [first, second] = [storeObjects(pool.config, objects), storeObjects(pool.config, objects)];
    await publish(homeOf(first));
    const replaceStale = pool.pool.useHomes(homes(homeOf(second)));
    expect(await ask(pool, first, "/add")).toBe("guest");
    replaceStale();
    expect(await ask(pool, first, "/add")).toBe("1");
    expect(await ask(pool, second, "/get")).toBe("0");
  });

  test("who is routed to a new home never meets it as the preview that was starting", async () => {
    const objects = [newClass()];
    const [first, second] = [storeObjects(pool.config, objects), storeObjects(pool.config, objects)];
    await publish(homeOf(first));
    expect(await ask(pool, first, "/add")).toBe("1");
    const preview = ask(pool, second, "/get");
    await until(() => runnersOf(second).length > 0);
    await publish(homeOf(second));
    expect(await ask(pool, second, "/get")).toBe("1");
    expect(await preview).toBe("1");
  });

  test("the next home starts without a request when the last one ran, and only then", async () => {
    const objects = [newClass()];
    const versions = [1, 2, 3].map(() => storeObjects(pool.config, objects));
    const [first, second, third] = versions as [LaunchRecord, LaunchRecord, LaunchRecord];
    await publish(homeOf(first));
    await publish(homeOf(second));
    expect(pool.pool.status()).toEqual([]);
    await ask(pool, second, "/add");
    await publish(homeOf(third));
    await until(() => runnersOf(third)[0]?.state === "ready");
    expect(runnersOf(second)).toEqual([]);
  });

  test("a home whose requests do not end is ended after a bounded time", async () => {
    const objects = [newClass()];
    const [first, second] = [storeObjects(pool.config, objects), storeObjects(pool.config, objects)];
    await publish(homeOf(first));
    const stuck = fetchRunner(await pool.start(first), "/slow?ms=60000").catch(() => "lost");
    pool.members.release = () => new Promise(() => {});
    await publish(homeOf(second));
    expect(await ask(pool, second, "/add")).toBe("1");
    expect(await stuck).toBe("lost");
    pool.members.release = async () => true;
  }, 60_000);

  test("a state that an unknown process has is not taken", async (context) => {
    if (!pool.host.flock) context.skip("no flock here");
    const record = storeObjects(pool.config, [newClass()]);
    const directory = paths(pool.config).stateOf(record.objects?.[0]?.namespaceId ?? "");
    mkdirSync(directory, { recursive: true });
    const file = openLock(directory);
    const holder = spawn("sh", ["-c", "flock 3; echo locked; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore", file],
    });
    closeSync(file);
    await once(holder.stdout!, "data");
    await publish(homeOf(record));
    const reply = await pool.pool.acquire(record.versionId);
    expect(reply).toMatchObject({
      unavailable: "startup-failed",
      message: expect.stringContaining(`fuser ${directory}.lock`),
    });
    holder.kill("SIGKILL");
    await once(holder, "exit");
    await expect.poll(() => pool.pool.acquire(record.versionId), { timeout: 20_000 }).toHaveProperty("runner");
    expect(spawnSync("flock", ["-n", `${directory}.lock`, "true"]).status).toBe(1);
  }, 60_000);

  test("removes discarded state, of previews too, once nobody has it", async () => {
    const objects = [newClass()];
    const [first, second] = [storeObjects(pool.config, objects), storeObjects(pool.config, objects)];
    const id = objects[0]?.namespaceId ?? "";
    const files = paths(pool.config);
    await publish(homeOf(first));
    await Promise.all([ask(pool, first, "/add"), ask(pool, second, "/add")]);
    const directories = [files.stateOf(id), files.previewStateOf(second.versionId, id)];
    await expect(pool.pool.discardState([id])).rejects.toThrow("belongs to a deployed Worker");
    expect(directories.map((directory) => existsSync(directory))).toEqual([true, true]);
    await publish();
    await pool.pool.discardState([id, "../versions"]);
    expect(directories.map((directory) => existsSync(directory))).toEqual([false, false]);
    expect(existsSync(`${directories[0]}.lock`)).toBe(false);
    expect(existsSync(files.versions)).toBe(true);
    await pool.pool.discardState([id]);
  });

  test("removes preview data of versions that are no more", async () => {
    const record = storeObjects(pool.config, [newClass()]);
    const files = paths(pool.config);
    await ask(pool, record, "/add");
    const directory = files.previewStateOf(record.versionId, record.objects?.[0]?.namespaceId ?? "");
    await pool.pool.begin();
    expect(existsSync(directory)).toBe(true);
    rmSync(files.launchRecord(record.versionId));
    pool.pool.retire([record.versionId]);
    await until(() => !existsSync(join(directory, "..")));
  });
});

describe("alarms", () => {
  const start = (env: Record<string, string>, config?: Config) =>
    startTestPool(env, { planLaunch: planObjects, ...(config && { config }) });

  test("wake a home that was stopped for idleness", async () => {
    pool = await start({ FREEHOLD_RUNNER_IDLE_SECONDS: "1" });
    const record = storeObjects(pool.config, [newClass()]);
    await publish(homeOf(record));
    await ask(pool, record, "/alarm?ms=9000");
    const { instanceId } = await pool.start(record);
    await until(() => runnersOf(record).length === 0);
    await until(() => runnersOf(record)[0]?.state === "ready");
    expect(runnersOf(record)[0]?.instanceId).not.toBe(instanceId);
    await expect.poll(() => ask(pool, record, "/alarms")).toBe("1");
  }, 60_000);

  test("that are due soon keep a home from being stopped", async () => {
    pool = await start({ FREEHOLD_RUNNER_IDLE_SECONDS: "1" });
    const record = storeObjects(pool.config, [newClass()]);
    await publish(homeOf(record));
    await ask(pool, record, "/alarm?ms=3000");
    const { instanceId } = await pool.start(record);
    await expect.poll(() => ask(pool, record, "/alarms"), { interval: 1200, timeout: 20_000 }).toBe("1");
    expect(runnersOf(record)[0]?.instanceId).toBe(instanceId);
  }, 60_000);

  test("wake a home that was killed, and one whose platform was", async () => {
    pool = await start({});
    const record = storeObjects(pool.config, [newClass()]);
    writeHomes(pool.config, homeOf(record));
    await publish(homeOf(record));
    await ask(pool, record, "/alarm?ms=1000");
    process.kill((await pool.start(record)).pid, "SIGKILL");
    await until(() => runnersOf(record).length === 0);
    await until(() => runnersOf(record)[0]?.state === "ready");
    await expect.poll(() => ask(pool, record, "/alarms")).toBe("1");

    await ask(pool, record, "/alarm?ms=1000");
    const { config } = pool;
    await pool.pool.stop();
    await new Promise((resolve) => setTimeout(resolve, 1100));
    pool = await start({}, config);
    expect(pool.pool.status()).toEqual([]);
    await pool.pool.begin();
    await until(() => runnersOf(record)[0]?.state === "ready");
    await expect.poll(() => ask(pool, record, "/alarms")).toBe("2");
  });

  test("that exceed a limit are told of when the home reports", async () => {
    pool = await start({});
    const objects = [newClass()];
    const source = OBJECT_SOURCE.replace("async alarm() {", "async alarm() { for (;;);");
    const { modules } = storeObjects(pool.config, objects, source);
    const record = storeVersion(pool.config, source, { objects, modules, limits: { cpuMs: 50 } });
    await pool.pool.observe([{ accountId: record.accountId, script: record.scriptName }]);
    await publish(homeOf(record));
    await ask(pool, record, "/alarm?ms=100");
    const told = () => pool.calls.find(({ name }) => name === "exceeded")?.request;
    await until(() => told() !== undefined);
    const alarm = { dueMs: expect.any(Number), className: "Counter" };
    expect(told()).toMatchObject({ versionId: record.versionId, cause: "cpu", alarm });
  });

  test("of a home that cannot start are tried again", async () => {
    pool = await start({});
    const record = storeObjects(pool.config, [newClass()]);
    await publish(homeOf(record));
    await ask(pool, record, "/alarm?ms=300");
    const broken = storeObjects(pool.config, record.objects ?? [], `${OBJECT_SOURCE}\nthrow new Error("not today");`);
    pool.members.attach = async () => {};
    await publish(homeOf(broken));
    await until(() => runnersOf(record, broken).length === 0);
    await publish(homeOf(record));
    // Nobody asks for it.
    await until(() => runnersOf(record)[0]?.state === "ready");
    await expect.poll(() => ask(pool, record, "/alarms")).toBe("1");
  });
});
