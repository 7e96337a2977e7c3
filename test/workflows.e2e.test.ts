import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "./harness/objects.ts";
import { killProcess, type Platform, startPlatform } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import "./harness/suite.ts";

/** Runners are stopped soon, so that tests see instances go on without a request. */
const env = { FREEHOLD_RUNNER_IDLE_SECONDS: "2" };

let platform: Platform;
/** What a deploy takes here. */
let deployMs = 0;
const project = new Project("workflow-app");
const guest = new Project("workflow-guest");

beforeAll(async () => {
  platform = await startPlatform({ env });
  const begun = performance.now();
  await platform.wranglerOk(project.directory, ["deploy"]);
  deployMs = performance.now() - begun;
  await platform.wranglerOk(guest.directory, ["deploy"]);
});

afterAll(async () => {
  project[Symbol.dispose]();
  guest[Symbol.dispose]();
  const { left } = await platform.stop();
  rmSync(dirname(platform.dataDir), { recursive: true, force: true });
  expect(left.map((process) => process.command.join(" "))).toEqual([]);
});

interface Instance {
  status: string;
  output: unknown;
  versionId: string;
  steps: { name: string; type: string; end: string | null; attempts?: { success: boolean }[] }[];
}

/** Calls the binding, or an instance of it, from inside a Worker. */
async function call(method: string, args: unknown[] = [], id?: string, script = "workflow-app"): Promise<unknown> {
  const address = await platform.url(script, `/${method}${id === undefined ? "" : `?id=${id}`}`);
  const reply = await platform.fetch(address, { method: "POST", body: JSON.stringify(args) });
  if (!reply.headers["content-type"]?.includes("json")) throw new Error(`${method}: ${reply.status} ${reply.body}`);
  const { result, error } = reply.json() as { result?: unknown; error?: { name: string; message: string } };
  if (error) throw new Error(`${error.name}: ${error.message}`);
  return result;
}

const create = (id: string, params: Record<string, unknown> = {}, script?: string) =>
  call("create", [{ id, params }], undefined, script);
const describeInstance = (id: string) => platform.api.get(`/workflows/orders/instances/${id}`) as Promise<Instance>;
const reached = (id: string, status: string, timeoutMs?: number) =>
  until(
    () => describeInstance(id),
    (instance) => instance.status === status,
    timeoutMs,
  );
const workflows = (...args: string[]) => platform.wranglerOk(project.directory, ["workflows", ...args]);
const failing = async (...args: string[]) => {
  const { code, output } = await platform.wrangler(project.directory, ["workflows", ...args]);
  expect(code).not.toBe(0);
  return output;
};

describe("a Worker that uses its workflow", () => {
  test("creates an instance, reads its status, sends it an event", async () => {
    expect(await create("first", { item: "pen" })).toEqual({ id: "first" });
    await reached("first", "waiting");
    expect(await call("status", [], "first")).toMatchObject({ status: "waiting" });
    await call("sendEvent", [{ type: "approved", payload: { by: "ann" } }], "first");
    const { output, steps } = await reached("first", "complete");
    expect(output).toEqual({
      reserved: "r1",
      charged: { attempt: 1, release: "r1" },
      approved: { by: "ann" },
      shipped: "r1",
    });
    expect(steps.map(({ name }) => name)).toEqual(["reserve-1", "charge-1", "approval-1", "ship-1"]);
    await expect(create("first")).rejects.toThrow("instance.already_exists");
  });

  test("creates many, and each runs", async () => {
    const many = Array.from({ length: 20 }, (_, index) => ({ id: `many-${index}`, params: { approval: false } }));
    expect(await call("createBatch", [many])).toHaveLength(20);
    for (const { id } of many) await reached(id, "complete");
  });

  test("has steps repeated, and ended by errors that are final", async () => {
    await create("declined", { approval: false, fails: 2 });
    await create("stolen", { fatal: true });
    const { steps } = await reached("declined", "complete");
    expect(steps[1]?.attempts?.map(({ success }) => success)).toEqual([false, false, true]);
    expect(await reached("stolen", "errored")).toMatchObject({
      error: { name: "NonRetryableError", message: "the card is stolen" },
    });
  });
});

describe("another Worker with script_name", () => {
  test("uses the same instances", async () => {
    expect(await create("foreign", {}, "workflow-guest")).toEqual({ id: "foreign" });
    await reached("foreign", "waiting");
    expect(await call("status", [], "foreign")).toMatchObject({ status: "waiting" });
    await call("sendEvent", [{ type: "approved", payload: 1 }], "foreign", "workflow-guest");
    await reached("foreign", "complete");
    await expect(call("status", [], "nobody", "workflow-guest")).rejects.toThrow("instance.not_found");
  });
});

describe("wrangler workflows", () => {
  test("list and describe", async () => {
    expect(await workflows("list")).toMatch(/orders.*workflow-app.*OrderWorkflow/);
    expect(await workflows("describe", "orders")).toMatch(/Script Name:\s+workflow-app/);
    const shown = JSON.parse(await workflows("describe", "orders", "--json")) as Record<string, unknown>;
    expect(shown).toMatchObject({
      limits: { steps: 20 },
      default_retention: { success_retention: "1 hour", error_retention: "2 hours" },
      latest_version: { class_name: "OrderWorkflow" },
    });
    expect(await failing("describe", "nothing")).toContain("10200");
  });

  test("trigger, instances describe, send-event", async () => {
    expect(await workflows("trigger", "orders", '{"item":"ink"}', "--id", "by-hand")).toContain('"by-hand"');
    await reached("by-hand", "waiting");
    const text = await workflows("instances", "describe", "orders", "latest");
    expect(text).toMatch(/Instance Id:\s+by-hand/);
    expect(text).toContain("API");
    expect(text).toContain("reserve-1");
    expect(text).toContain("Waiting for event");
    await workflows("instances", "send-event", "orders", "by-hand", "--type", "approved", "--payload", '{"by":"me"}');
    expect(await reached("by-hand", "complete")).toMatchObject({ output: { approved: { by: "me" } } });
    expect(await failing("trigger", "orders", "--id", "by-hand")).toContain("already_exists");
    expect(await failing("instances", "describe", "orders", "nobody")).toContain("instance.not_found");
  });

  test("instances list, by status and page", async () => {
    const all = await workflows("instances", "list", "orders", "--per-page", "100");
    expect(all).toContain("by-hand");
    const errored = await workflows("instances", "list", "orders", "--status", "errored");
    expect(errored).toContain("stolen");
    expect(errored).not.toContain("by-hand");
    expect(await workflows("instances", "list", "orders", "--page", "2", "--per-page", "5")).toContain(
      "5 instances from page 2",
    );
    expect(await workflows("instances", "list", "orders", "--date-start", "2200-01-01")).toContain("No instances");
  });

  test("instances pause, resume, restart, terminate, terminate-all, delete", async () => {
    await create("handled");
    await reached("handled", "waiting");
    await workflows("instances", "pause", "orders", "handled");
    expect(await describeInstance("handled")).toMatchObject({ status: "paused" });
    await workflows("instances", "resume", "orders", "handled");
    await reached("handled", "waiting");
    await workflows("instances", "restart", "orders", "handled");
    await reached("handled", "waiting");
    await workflows("instances", "terminate", "orders", "handled");
    await reached("handled", "terminated");
    for (const id of ["rest-1", "rest-2"]) await create(id);
    for (const id of ["rest-1", "rest-2"]) await reached(id, "waiting");
    await workflows("instances", "terminate-all", "orders", "--status", "waiting");
    await reached("rest-1", "terminated");
    await workflows("instances", "delete", "orders", "rest-1", "rest-2");
    expect(await failing("instances", "delete", "orders", "rest-1")).toContain("rest-1");
  });
});

describe("restarts", () => {
  test("three steps survive a kill -9 of everything and an orderly restart in the middle", async () => {
    await create("tough", { napMs: 3000, item: "safe" });
    await reached("tough", "waiting");
    // The first restart: everything dies at once, while the instance sleeps.
    for (const process of [...platform.runners(), ...platform.role("services"), ...platform.role("control")]) {
      killProcess(process, "SIGKILL");
    }
    platform.supervisor.process.kill("SIGKILL");
    await platform.supervisor.end(10_000);
    platform = await startPlatform({ env, dataDir: platform.dataDir });
    // Nobody calls the Worker: the sleep's end runs it, up to the wait.
    await until(
      () => describeInstance("tough"),
      ({ steps }) => steps.some(({ name }) => name === "approval-1"),
      30_000,
    );
    // The second: an orderly one, while it waits for the event.
    await platform.stop();
    platform = await startPlatform({ env, dataDir: platform.dataDir });
    await call("sendEvent", [{ type: "approved", payload: "late" }], "tough");
    expect(await reached("tough", "complete")).toMatchObject({ output: { approved: "late", charged: { attempt: 1 } } });
  });

  test("a home that idled is woken by a sleep's end", { timeout: 240_000 }, async () => {
    // Time to come to rest in, on a busy machine too.
    const napMs = Math.max(16_000, 4 * deployMs);
    await create("idle", { napMs, approval: false });
    const runners = async () => platform.runners().length;
    await until(runners, (count) => count === 0, napMs);
    // A call would wake the home, too: nobody makes one before it is there.
    await until(runners, (count) => count > 0, napMs + 15_000);
    await reached("idle", "complete");
  });

  test("a step that a crash cut off is repeated", async () => {
    await create("cut", { hangsMs: 600_000, approval: false });
    await until(
      () => describeInstance("cut"),
      ({ steps }) => steps.some(({ name }) => name === "charge-1"),
    );
    for (const process of platform.runners()) killProcess(process, "SIGKILL");
    const { steps } = await reached("cut", "complete", 40_000);
    expect(steps.find(({ name }) => name === "charge-1")?.attempts?.map(({ success }) => success)).toEqual([
      false,
      true,
    ]);
  });

  test("no acknowledged instance is lost when the home is killed over and over", { timeout: 180_000 }, async () => {
    let killing = true;
    const acknowledged: string[] = [];
    const keepCreating = async () => {
      for (let count = 0; killing; count++) {
        const id = `chaos-${count}`;
        const params = { napMs: 50 + (count % 7) * 100, approval: false };
        // A call that failed may have been done all the same: that is no promise.
        const done = await create(id, params).then(
          () => true,
          () => false,
        );
        if (done) acknowledged.push(id);
      }
    };
    const creator = keepCreating();
    for (let kills = 0; kills < 6; kills++) {
      const before = acknowledged.length;
      await until(
        async () => acknowledged.length,
        (count) => count > before + 2,
        30_000,
      );
      for (const process of platform.runners()) killProcess(process, "SIGKILL");
    }
    killing = false;
    await creator;
    expect(acknowledged.length).toBeGreaterThan(15);
    for (const id of acknowledged) {
      const { steps } = await reached(id, "complete", 30_000);
      expect(steps.map(({ name }) => name)).toEqual(["reserve-1", "let it cool-1", "charge-1", "ship-1"]);
    }
  });

  test("instances that sleep go on with the code of the next deploy", { timeout: 240_000 }, async () => {
    // Longer than a deploy takes, on a busy machine too.
    const napMs = Math.max(12_000, 4 * deployMs);
    await create("moved", { napMs, approval: false });
    await create("held");
    await reached("held", "waiting");
    project.write("src/release.js", 'export const RELEASE = "r2";\n');
    await platform.wranglerOk(project.directory, ["deploy"]);
    await call("sendEvent", [{ type: "approved", payload: 0 }], "held");
    expect(await reached("held", "complete")).toMatchObject({
      output: { reserved: "r1", charged: { release: "r1" }, shipped: "r2" },
    });
    expect(await reached("moved", "complete", napMs + 30_000)).toMatchObject({
      output: { reserved: "r1", charged: { release: "r2" }, shipped: "r2" },
    });
  });

  test("a step that a deploy cut off is made again, and the cut does not count", async () => {
    await create("busy", { hangsMs: 600_000, approval: false });
    await until(
      () => describeInstance("busy"),
      ({ steps }) => steps.some(({ name }) => name === "charge-1"),
    );
    project.write("src/release.js", 'export const RELEASE = "r3";\n');
    project.replace("src/index.js", "hangsMs > 0 && attempt === 1", "false");
    await platform.wranglerOk(project.directory, ["deploy"]);
    expect(await reached("busy", "complete")).toMatchObject({ output: { charged: { attempt: 1, release: "r3" } } });
  });

  test("a deploy fails no call, from the Worker itself, from another one, and by the API", async () => {
    let deploying = true;
    const created: string[] = [];
    const keepCreating = async (script: string) => {
      for (let count = 0; deploying; count++) {
        const id = `${script}-${count}`;
        await create(id, { approval: false }, script);
        created.push(id);
      }
    };
    const keepReading = async () => {
      while (deploying) await describeInstance("first");
    };
    const callers = Promise.all([keepCreating("workflow-app"), keepCreating("workflow-guest"), keepReading()]);
    project.write("src/release.js", 'export const RELEASE = "r4";\n');
    await platform.wranglerOk(project.directory, ["deploy"]).finally(() => {
      deploying = false;
    });
    await callers;
    expect(created.length).toBeGreaterThan(2);
    for (const id of created) await reached(id, "complete");
  });

  test("new settings reach a home without a restart", async () => {
    await create("kept");
    await reached("kept", "waiting");
    const home = async () => (await platform.fetch(await platform.url("workflow-app", "/process"))).body;
    const before = await home();
    const put = { script_name: "workflow-app", class_name: "OrderWorkflow", limits: { steps: 1 } };
    await platform.api.send("PUT", "/workflows/orders", put);
    await create("short", { approval: false });
    expect(await reached("short", "errored")).toMatchObject({
      error: { message: expect.stringContaining("limit of 1 steps") },
    });
    expect(before).toMatch(/^[0-9a-f-]{36}$/);
    expect(await home()).toBe(before);
    await platform.api.send("PUT", "/workflows/orders", { ...put, limits: { steps: 20 } });
  });
});

describe("a workflow that is declared as an export", () => {
  test("is made by the deploy, and reached by ctx.exports", async () => {
    using declared = new Project("workflow-app");
    declared.configure({
      name: "workflow-declared",
      workflows: [],
      exports: { OrderWorkflow: { type: "workflow", name: "declared", limits: { steps: 30 } } },
    });
    declared.replace("src/index.js", "fetch(request, env) {", "fetch(request, env, ctx) {");
    declared.replace("src/index.js", "serve(request, env.ORDERS)", "serve(request, ctx.exports.OrderWorkflow)");
    await platform.wranglerOk(declared.directory, ["deploy"]);
    expect(await platform.api.get("/workflows/declared")).toMatchObject({
      script_name: "workflow-declared",
      limits: { steps: 30 },
    });
    expect(await create("one", { approval: false }, "workflow-declared")).toEqual({ id: "one" });
    await until(
      () => platform.api.get("/workflows/declared/instances/one") as Promise<Instance>,
      ({ status }) => status === "complete",
    );
  });
});

describe("versions", () => {
  test("those of a split share the instances", async () => {
    const [live] = (
      (await platform.api.get("/workers/scripts/workflow-app/deployments")) as {
        deployments: { versions: { version_id: string }[] }[];
      }
    ).deployments;
    project.write("src/release.js", 'export const RELEASE = "guest";\n');
    const output = await platform.wranglerOk(project.directory, ["versions", "upload"]);
    const uploaded = /Version ID: ([0-9a-f-]{36})/.exec(output)?.[1];
    const versions = [
      { version_id: live?.versions[0]?.version_id, percentage: 60 },
      { version_id: uploaded, percentage: 40 },
    ];
    await platform.api.send("POST", "/workers/scripts/workflow-app/deployments", { strategy: "percentage", versions });
    const releases = new Set<string>();
    for (let count = 0; releases.size < 2 && count < 100; count++) {
      releases.add((await platform.fetch(await platform.url("workflow-app", "/release"))).body);
      const id = `split-${count}`;
      await create(id, { approval: false });
      // The home's code runs it, whichever version created it.
      const { output } = await reached(id, "complete");
      expect(output).not.toMatchObject({ shipped: "guest" });
    }
    expect(releases).toContain("guest");
  });

  test("one that is not deployed has instances of its own", async () => {
    const output = await platform.wranglerOk(project.directory, ["versions", "upload", "--preview-alias", "try"]);
    expect(output).toContain("try-workflow-app");
    const address = await platform.url("try-workflow-app", "/create");
    const reply = await platform.fetch(address, {
      method: "POST",
      body: JSON.stringify([{ id: "first", params: {} }]),
    });
    expect(reply.json()).toEqual({ result: { id: "first" } });
  });

  test("a workflow that is deleted is gone, and a deploy makes a new one", async () => {
    expect(await workflows("delete", "orders")).toContain("removed successfully");
    expect(await failing("describe", "orders")).toContain("10200");
    await platform.wranglerOk(project.directory, ["deploy"]);
    expect(await workflows("instances", "list", "orders")).toContain("no instances");
    await create("first", { approval: false });
    await reached("first", "complete");
  });
});
