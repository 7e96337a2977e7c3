import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { Placement } from "../../domain/homes.ts";
import type { BindingOf, ExportedEntrypoint, ObjectClass } from "../../domain/version.ts";
import type { LaunchContext, LaunchMode } from "../../workerd/plan.ts";
import { startTestRunner, type TestBlobs, type TestRunner, testContext, testRecord } from "../../workerd/testing.ts";
import { planLaunch } from "../launch.ts";

const A = "a".repeat(32);
const B = "b".repeat(32);

const context: LaunchContext = {
  ...testContext,
  instanceId: "i2",
  predecessor: { instanceId: "i1", orderly: true },
};

const room: ObjectClass = { className: "Room", namespaceId: A, storage: "sqlite" };
const old: ObjectClass = { className: "Old", namespaceId: B, storage: "legacy-kv" };

const bind = (className: string, namespaceId: string): BindingOf<"durable_object_namespace"> => ({
  type: "durable_object_namespace",
  name: className.toUpperCase(),
  className,
  namespaceId,
});

const objectClass = (name: string): ExportedEntrypoint => ({ name, kind: "durable-object", handlers: [] });

const entry: ExportedEntrypoint = { name: "default", kind: "object", handlers: ["fetch"] };

const home = (...classes: ObjectClass[]): Placement => ({ kind: "home", classes, workflows: [] });

function plan(placement: Placement, bindings = [bind("Room", A)], exports = [objectClass("Room")]) {
  const record = testRecord(new Map(), { "index.js": "" }, { bindings, exports });
  return planLaunch(record, { ...context, placement });
}

test.each(["home", "preview"] as const)("a %s owns its classes and has a gate", (kind) => {
  const { config, state, links, sockets } = plan({ kind, classes: [room, old], workflows: [] }, undefined, [
    objectClass("Room"),
    { name: "Old", kind: "other", handlers: ["fetch"] },
  ]);
  expect(config).toContain(
    'bindings = [(name = "ROOM", durableObjectNamespace = (className = "Room"))], durableObjectNamespaces = [' +
      `(className = "Room", uniqueKey = "${A}", enableSql = true), (className = "Old", uniqueKey = "${B}", enableSql = false)], ` +
      'durableObjectStorage = (localDisk = "state")',
  );
  expect(config).toContain('(name = "state", disk = (path = "/state", writable = true))');
  expect(config).toContain(
    'bindings = [(name = "HOME", json = "{\\"instanceId\\":\\"i2\\",\\"predecessor\\":{\\"instanceId\\":\\"i1\\",' +
      `\\"orderly\\":true}}"), (name = "${A}", durableObjectNamespace = (className = "Room", serviceName = "user")), ` +
      `(name = "${B}", durableObjectNamespace = (className = "Old", serviceName = "user"))]`,
  );
  expect(config).toContain('(name = "gate", address = "unix:/s/gate.sock", http = (), service = "gate")');
  expect(state).toEqual([
    { name: A, stateId: A },
    { name: B, stateId: B },
  ]);
  expect(links).toEqual([]);
  expect(sockets).toBe(3);
});

test("a runner that owns nothing reaches the classes of its bindings by proxy, each by a socket of its own", () => {
  const { config, state, links, sockets } = plan({ kind: "none" }, [
    bind("Room", A),
    { ...bind("Other", B), scriptName: "other" },
    { ...bind("Room", A), name: "AGAIN" },
  ]);
  expect(config).toContain(
    `bindings = [(name = "ROOM", durableObjectNamespace = (className = "Objects_${A}", serviceName = "objects")), ` +
      `(name = "OTHER", durableObjectNamespace = (className = "Objects_${B}", serviceName = "objects")), ` +
      `(name = "AGAIN", durableObjectNamespace = (className = "Objects_${A}", serviceName = "objects"))]`,
  );
  expect(config).toContain(
    `durableObjectNamespaces = [(className = "Objects_${A}", uniqueKey = "${A}"), ` +
      `(className = "Objects_${B}", uniqueKey = "${B}")], durableObjectStorage = (inMemory = void)`,
  );
  expect(config).not.toContain("gate.sock");
  expect(links).toEqual([
    { socket: "link-0.sock", to: { stateId: A } },
    { socket: "link-1.sock", to: { stateId: B } },
  ]);
  expect([state, sockets]).toEqual([[], 2]);
});

test("a binding follows the class that was renamed after the upload", () => {
  const { config } = plan(home({ ...room, className: "Hall" }), [bind("Room", A)], [objectClass("Hall")]);
  expect(config).toContain('(name = "ROOM", durableObjectNamespace = (className = "Hall"))');
});

test("a class that the version does not export is not its own", () => {
  const { config, state } = plan(home(room, old), [bind("Room", A), bind("Old", B)]);
  expect(state).toEqual([{ name: A, stateId: A }]);
  expect(config).toContain(
    `(name = "OLD", durableObjectNamespace = (className = "Objects_${B}", serviceName = "objects"))`,
  );
});

test("a preview does not reach production for want of a class of its own", () => {
  const { config, links } = plan({ kind: "preview", classes: [room, old], workflows: [] }, [
    bind("Room", A),
    bind("Old", B),
  ]);
  expect(config).toContain(`export class Objects_${B} extends Stub`);
  expect(links).toEqual([]);
});

const started: TestRunner[] = [];
const directories: string[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((runner) => runner.stop()));
  await Promise.all(directories.splice(0).map((path) => rm(path, { recursive: true })));
});

async function start(code: string, placement: Placement, mode: LaunchMode = "serve", parts = {}): Promise<TestRunner> {
  const blobs: TestBlobs = new Map();
  const record = testRecord(blobs, { "index.js": code }, { bindings: [bind("Room", A)], ...parts });
  const stateDir = await mkdtemp(join(tmpdir(), "fh-do-"));
  directories.push(stateDir);
  await mkdir(join(stateDir, A));
  const runner = await startTestRunner(planLaunch, record, blobs, { placement, mode, stateDir });
  started.push(runner);
  expect(runner.started, runner.stderr()).toBe(true);
  return runner;
}

test("while code is inspected a namespace has its shape and reaches nothing", async () => {
  const runner = await start(
    `import { DurableObject, env } from "cloudflare:workers";
     const id = env.ROOM.idFromName("a");
     export const [isId, name] = [/^[0-9a-f]{64}$/.test(id.toString()), id.name];
     if (!isId || name !== "a" || !env.ROOM.idFromString(id.toString()).equals(id)) throw new Error("no namespace");
     let problem;
     try { await env.ROOM.get(id).add(1, 2) } catch (error) { problem = error.message }
     if (!/global scope/.test(problem)) throw new Error(problem);
     export class Room extends DurableObject {}
     export default { fetch() {} };`,
    { kind: "none" },
    "inspect",
  );
  const { exports } = JSON.parse((await runner.fetch("/")).body);
  expect(exports).toContainEqual({ name: "Room", kind: "durable-object", handlers: [] });
});

test("a class of before 2024, without a base, with the old storage", async () => {
  const runner = await start(
    `export class Room {
       constructor(state) { this.state = state }
       async fetch() {
         const count = ((await this.state.storage.get("count")) ?? 0) + 1;
         await this.state.storage.put("count", count);
         let sql = "usable";
         try { this.state.storage.sql.exec("SELECT 1") } catch (error) { sql = error.message }
         return Response.json([count, sql]);
       }
     }
     export default { fetch: (request, { ROOM }) => ROOM.get(ROOM.idFromName("a")).fetch(request) };`,
    home({ ...room, storage: "legacy-kv" }),
    "serve",
    { exports: [entry, { name: "Room", kind: "other", handlers: ["fetch"] }] },
  );
  await runner.fetch("/");
  expect(JSON.parse((await runner.fetch("/")).body)).toEqual([2, expect.stringContaining("SQL")]);
});

test("classes that are not registered do not disturb, and those that are have a namespace in ctx.exports", async () => {
  const runner = await start(
    `import { DurableObject } from "cloudflare:workers";
     export class Room extends DurableObject { add(a, b) { return a + b } }
     export class Unregistered extends DurableObject {}
     export default { async fetch(request, env, ctx) {
       return Response.json([await ctx.exports.Room.getByName("a").add(1, 2), await env.ROOM.getByName("a").add(2, 2)]);
     } };`,
    home(room),
    "serve",
    { exports: [entry, objectClass("Room"), objectClass("Unregistered")] },
  );
  expect(JSON.parse((await runner.fetch("/")).body)).toEqual([3, 4]);
});
