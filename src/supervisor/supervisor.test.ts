import { fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Config, ConfigError } from "../domain/config.ts";
import type { AcquireReply, PlatformStatus } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import { type Supervisor, startSupervisor } from "./index.ts";
import { identify } from "./proc.ts";
import { fetchRunner, storeVersion, testConfig, until } from "./testing.ts";
import { homeOf, newClass, planObjects, storeObjects, writeHomes } from "./testing-objects.ts";
import type { RoleCommand } from "./testing-role.ts";

const roleFile = join(import.meta.dirname, "testing-role.ts");
const roleCommand = (role: string) => [process.execPath, roleFile, `role:${role}`] as const;

let config: Config;
let log: string[];
const running: Supervisor[] = [];
beforeEach(() => {
  config = testConfig({ FREEHOLD_EDGES: "2" });
  log = [];
});
afterEach(async () => {
  delete process.env.FREEHOLD_TEST_BROKEN;
  delete process.env.FREEHOLD_TEST_UNFIT;
  for (const supervisor of running.splice(0)) await supervisor.stop();
  rmSync(config.dataDir, { recursive: true, force: true });
});

async function start(settings: Config = config): Promise<Supervisor> {
  const supervisor = await startSupervisor(settings, {
    planLaunch: planObjects,
    roleCommand,
    log: (line) => log.push(line),
  });
  running.push(supervisor);
  return supervisor;
}

async function ask<Reply>(pid: number, command: RoleCommand): Promise<Reply> {
  const socket = connect(join(config.runDir, `${pid}.sock`));
  socket.write(`${JSON.stringify(command)}\n`);
  return JSON.parse(await text(socket)) as Reply;
}

const seen = (pid: number) => ask<{ name: string; request: unknown }[]>(pid, { seen: true });

async function processes(supervisor: Supervisor, role: string): Promise<PlatformStatus["processes"]> {
  return (await supervisor.status()).processes.filter((process) => process.role === role);
}

async function pidOf(supervisor: Supervisor, role: string): Promise<number> {
  return (await processes(supervisor, role))[0]?.pid ?? 0;
}

/** Resolves with the new process once the role has one that is ready. */
async function healed(supervisor: Supervisor, role: string, old: number): Promise<number> {
  let pid = 0;
  for (const deadline = performance.now() + 20_000; performance.now() < deadline; ) {
    pid = (await processes(supervisor, role)).find((process) => process.pid !== old && process.restarts > 0)?.pid ?? 0;
    if (pid && existsSync(join(config.runDir, `${pid}.sock`))) return pid;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${role} did not come back`);
}

test("starts all roles with the settled configuration, and stops without leaving a process", async () => {
  const supervisor = await start();
  const status = await supervisor.status();
  expect(status.processes.map((process) => process.role).sort()).toEqual(["control", "edge", "edge", "services"]);
  expect(status.processes.every((process) => process.restarts === 0)).toBe(true);
  expect(supervisor.config.port).toBeGreaterThan(0);
  const pid = await pidOf(supervisor, "edge");
  const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  expect(environment).toContain(`FREEHOLD_PORT=${supervisor.config.port}`);
  expect(environment).toContain(`FREEHOLD_DATA=${config.dataDir}`);
  expect(log).toContain("control: control stands in");
  expect(statSync(config.runDir).mode & 0o777).toBe(0o700);

  await supervisor.stop();
  await supervisor.closed;
  expect(status.processes.filter(({ pid }) => identify(pid))).toEqual([]);
  expect(readFileSync(paths(config).runnerPids, "utf8")).toBe("");
});

test("a role's call starts a runner that answers", async () => {
  const record = storeVersion(config, "export default { fetch() { return new Response('up'); } }");
  const supervisor = await start();
  const edge = await pidOf(supervisor, "edge");
  const reply = await ask<AcquireReply>(edge, { call: "acquire", request: { versionId: record.versionId } });
  if ("unavailable" in reply) throw new Error(reply.message);
  expect((await fetchRunner(reply.runner)).body).toBe("up");
  const { runners } = await supervisor.status();
  expect(runners).toMatchObject([{ versionId: record.versionId, state: "ready" }]);

  await supervisor.stop();
  expect(identify(runners[0]?.pid ?? 0)).toBeUndefined();
  expect(existsSync(join(config.runDir, reply.runner.instanceId))).toBe(false);
});

test("publish moves homes as the file says, before any process routes by the new snapshot and after", async () => {
  const objects = [newClass()];
  const [first, second] = [storeObjects(config, objects), storeObjects(config, objects)];
  writeHomes(config, homeOf(first));
  const supervisor = await start();
  const [control, edge] = [await pidOf(supervisor, "control"), await pidOf(supervisor, "edge")];
  const count = async (versionId: string) => {
    const reply = await ask<AcquireReply>(edge, { call: "acquire", request: { versionId } });
    if ("unavailable" in reply) throw new Error(reply.message);
    return (await fetchRunner(reply.runner, "/add")).body;
  };
  expect(await count(first.versionId)).toBe("1");
  // With data of its own, as it is not deployed.
  expect(await count(second.versionId)).toBe("1");
  writeHomes(config, homeOf(second));
  await ask(control, { call: "publish", request: { generation: 8 } });
  expect(await count(second.versionId)).toBe("2");
  expect((await seen(edge)).map(({ name }) => name)).toEqual(["release", "routes", "release"]);
  const { runners } = await supervisor.status();
  expect(runners).toMatchObject([{ versionId: second.versionId, state: "ready" }]);
});

test("publish reaches all edges and services, and those that start later", async () => {
  const supervisor = await start();
  const control = await pidOf(supervisor, "control");
  await ask(control, { call: "publish", request: { generation: 7 } });
  const routes = { name: "routes", request: { generation: 7 } };
  for (const { role, pid } of (await supervisor.status()).processes) {
    if (role === "control") expect(await seen(pid)).toEqual([]);
    else expect(await seen(pid)).toEqual([routes]);
  }
  const edge = await pidOf(supervisor, "edge");
  process.kill(edge, "SIGKILL");
  const successor = await healed(supervisor, "edge", edge);
  while (!(await seen(successor)).length) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await seen(successor)).toEqual([routes]);
});

test.each(["control", "services", "edge"])(
  "a killed %s process is back soon, and the others do not notice",
  async (role) => {
    const supervisor = await start();
    const others = (await supervisor.status()).processes;
    const pid = await pidOf(supervisor, role);
    const killedAt = performance.now();
    process.kill(pid, "SIGKILL");
    await healed(supervisor, role, pid);
    // Under a second on a machine that does nothing else, which `npm run bench` measures. Here: without a back-off.
    expect(performance.now() - killedAt).toBeLessThan(8000);
    const now = (await supervisor.status()).processes.map((process) => process.pid);
    expect(now).toEqual(expect.arrayContaining(others.filter((other) => other.pid !== pid).map((other) => other.pid)));
  },
);

test("a new services process attaches to all runners that have links", async () => {
  const record = storeVersion(config, "export default { fetch() { return new Response('up'); } }", {
    bindings: [{ type: "service", name: "OTHER", service: "other" }],
  });
  const supervisor = await start();
  const services = await pidOf(supervisor, "services");
  const reply = await ask<AcquireReply>(services, { call: "acquire", request: { versionId: record.versionId } });
  if ("unavailable" in reply) throw new Error(reply.message);
  const attach = {
    name: "attach",
    request: expect.objectContaining({
      instanceId: reply.runner.instanceId,
      accountId: record.accountId,
      directory: join(config.runDir, reply.runner.instanceId, "svc"),
      links: [expect.objectContaining({ to: { script: "other" } })],
    }),
  };
  expect(await seen(services)).toEqual([attach]);
  process.kill(services, "SIGKILL");
  const successor = await healed(supervisor, "services", services);
  while (!(await seen(successor)).length) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await seen(successor)).toEqual([attach]);
});

test("a second supervisor on the same directory is refused, with the first one's process id", async () => {
  await start();
  await expect(start()).rejects.toThrow(`${config.dataDir} is in use by another Freehold (process ${process.pid})`);
});

test("a taken port is refused with what to do, and the directory is free again", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await expect(start({ ...config, port })).rejects.toThrow(
    new RegExp(`Port ${port} on 127.0.0.1 is taken.*FREEHOLD_PORT=`),
  );
  server.close();
  await once(server, "close");
  // On another port: the one that was taken may be somebody else's by now.
  expect((await start()).config.port).toBeGreaterThan(0);
});

test("a role that only the operator can help is tried once, and its last line is all that is told", async () => {
  process.env.FREEHOLD_TEST_UNFIT = "control";
  const failure = await start().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ConfigError);
  expect((failure as Error).message).toBe("An error of the operator's. Mend it.");
  expect(log.filter((line) => line.startsWith("control"))).toEqual(["control: An error of the operator's. Mend it."]);
  expect(readFileSync(paths(config).runnerPids, "utf8")).toBe("");
});

test("a role that cannot start is told with its last words, and nothing stays", async () => {
  process.env.FREEHOLD_TEST_BROKEN = "services";
  await expect(start()).rejects.toThrow("the services process does not start (code 3): broken on purpose");
  expect(readFileSync(paths(config).runnerPids, "utf8")).toBe("");
  delete process.env.FREEHOLD_TEST_BROKEN;
  await start();
});

test("stop waits for edges that drain, before it ends the rest", async () => {
  const supervisor = await start();
  const [edge, other] = await processes(supervisor, "edge");
  const services = await pidOf(supervisor, "services");
  await ask(edge?.pid ?? 0, { hold: true });
  const stopped = supervisor.stop();
  await until(() => !identify(other?.pid ?? 0));
  expect((await seen(edge?.pid ?? 0)).map((call) => call.name)).toEqual(["drain"]);
  expect(identify(services)).toBeDefined();
  process.kill(edge?.pid ?? 0, "SIGKILL");
  await stopped;
  expect(identify(services)).toBeUndefined();
});

test("what a killed supervisor leaves is ended at the next start; foreign processes are not", async () => {
  const leftover = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "role:edge"]);
  const foreign = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "something else"]);
  const ended = once(leftover, "exit");
  const startTicks = (pid: number | undefined) => identify(pid ?? 0)?.startTicks;
  writeFileSync(
    paths(config).runnerPids,
    `${leftover.pid} ${startTicks(leftover.pid)} role:edge\n` +
      // The id was reused: by a program that is not ours, or by one that started at another time.
      `${foreign.pid} ${startTicks(foreign.pid)} role:edge\n${process.pid} 1 vitest\n`,
  );
  await start();
  expect(await ended).toEqual([null, "SIGKILL"]);
  expect(foreign.exitCode).toBeNull();
  expect(identify(foreign.pid ?? 0)).toBeDefined();
  foreign.kill();
});

test.each([
  ["with", "auto"],
  ["without", "off"],
])("what a killed supervisor leaves %s a sandbox is gone once the next one runs", async (_with, sandbox) => {
  const record = storeVersion(config, "export default { fetch() { return new Response('up'); } }");
  const child = fork(join(import.meta.dirname, "testing-supervisor.ts"), {
    env: {
      ...process.env,
      FREEHOLD_DATA: config.dataDir,
      FREEHOLD_PORT: "0",
      FREEHOLD_EDGES: "1",
      FREEHOLD_SANDBOX: sandbox,
    },
  });
  const [status] = (await once(child, "message")) as [PlatformStatus];
  const edge = status.processes.find((process) => process.role === "edge")?.pid ?? 0;
  await ask(edge, { call: "acquire", request: { versionId: record.versionId } });
  const { runners } = await ask<PlatformStatus>(edge, { call: "status", request: {} });
  const pids = [...status.processes, ...runners].map((process) => process.pid);
  expect(pids).toHaveLength(4);
  child.kill("SIGKILL");
  await once(child, "exit");
  await start();
  await until(() => pids.every((pid) => !identify(pid)));
});

test.each([
  ["with", "auto"],
  ["without", "off"],
])(
  "a home outlives a killed supervisor %s a sandbox by less than the next one's start: never two",
  async (_with, sandbox) => {
    const record = storeObjects(config, [newClass()]);
    writeHomes(config, homeOf(record));
    const child = fork(join(import.meta.dirname, "testing-supervisor.ts"), {
      env: {
        ...process.env,
        FREEHOLD_DATA: config.dataDir,
        FREEHOLD_PORT: "0",
        FREEHOLD_EDGES: "1",
        FREEHOLD_SANDBOX: sandbox,
      },
    });
    const [status] = (await once(child, "message")) as [PlatformStatus];
    const edge = status.processes.find((process) => process.role === "edge")?.pid ?? 0;
    const acquire: RoleCommand = { call: "acquire", request: { versionId: record.versionId } };
    const reply = await ask<AcquireReply>(edge, acquire);
    if ("unavailable" in reply) throw new Error(reply.message);
    expect((await fetchRunner(reply.runner, "/add")).body).toBe("1");
    const { runners } = await ask<PlatformStatus>(edge, { call: "status", request: {} });
    const lock = `${paths(config).stateOf(record.objects?.[0]?.namespaceId ?? "")}.lock`;
    const isLocked = () => spawnSync("flock", ["-n", lock, "true"]).status === 1;
    expect(isLocked()).toBe(true);
    // Due when the first is gone.
    await fetchRunner(reply.runner, "/alarm?ms=1000");
    child.kill("SIGKILL");
    await once(child, "exit");
    const supervisor = await start({ ...config, sandbox: sandbox as Config["sandbox"] });
    expect(identify(runners[0]?.pid ?? 0)).toBeUndefined();
    // Nobody asks for it: its alarm does.
    await expect.poll(async () => (await supervisor.status()).runners, { timeout: 20_000 }).toHaveLength(1);
    const next = await ask<AcquireReply>(await pidOf(supervisor, "edge"), acquire);
    if ("unavailable" in next) throw new Error(next.message);
    expect((await fetchRunner(next.runner, "/add")).body).toBe("2");
    await expect.poll(async () => (await fetchRunner(next.runner, "/alarms")).body, { timeout: 20_000 }).toBe("1");
    expect(isLocked()).toBe(true);
    await supervisor.stop();
    expect(isLocked()).toBe(false);
  },
  60_000,
);
