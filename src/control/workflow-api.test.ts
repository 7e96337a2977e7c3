import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CronScheduler } from "../products/cron/scheduler.ts";
import { startTestHome, type TestHome, testWorkflow } from "../products/workflows/testing.ts";
import { socketNames } from "../workerd/plan.ts";
import { allRoutes } from "./routes.ts";
import { type Answer, type TestControl, testControl } from "./testing.ts";
import { addScript, deploy } from "./testing-scripts.ts";

const ORDERS = `
export class Orders extends WorkflowEntrypoint {
  async run(event, step) {
    await step.do("first", async () => { if (event.payload.fail) throw new NonRetryableError("no"); return 1; });
    if (event.payload.wait) return (await step.waitForEvent("go", { type: "go" })).payload;
  }
}
`;

let home: TestHome;
let control: TestControl;
let isMoving = 0;

beforeAll(async () => {
  home = await startTestHome(ORDERS);
  control = await testControl(allRoutes);
  await addScript(control.platform, "shop", 2);
  await addScript(control.platform, "idle", 1);
  await deploy(control.platform, "shop", "d1", [
    ["shop-1", 40],
    ["shop-2", 60],
  ]);
  const now = "2026-11-21T12:00:00.000Z";
  const facts = { account_id: control.accountId, created_on: now, modified_on: now, settings_json: "{}" };
  await control.platform.db
    .insertInto("workflows")
    .values([
      { ...facts, id: testWorkflow.workflowId, script_id: "shop", name: "orders", class_name: "Orders" },
      { ...facts, id: "1".repeat(32), script_id: "idle", name: "asleep", class_name: "Asleep" },
    ])
    .execute();
  control.platform.runtime.gate = async (versionId) => {
    if (versionId !== "shop-2") return { unavailable: `${versionId} is not the home` };
    if (isMoving-- > 0) return { unavailable: "this version owns no state" };
    return { socket: join(home.runner.socketDir, socketNames.gate) };
  };
});

afterAll(async () => {
  await control.end();
  await home.stop();
});

const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
  control.call(method, `/accounts/${control.accountId}/workflows${path}`, body === undefined ? {} : { body });

async function result(method: string, path: string, body?: unknown): Promise<unknown> {
  const { json } = await call(method, path, body);
  expect(json.errors).toEqual([]);
  return json.result;
}

const failure = async (method: string, path: string, body?: unknown) => {
  const { status, json } = await call(method, path, body);
  return { status, code: json.errors[0]?.code };
};

describe("workflows", () => {
  it("are listed, with their Workers", async () => {
    const { json } = await call("GET", "?page=1&per_page=5");
    expect(json.result).toMatchObject([
      { name: "asleep", script_name: "idle" },
      { name: "orders", script_name: "shop", class_name: "Orders", id: testWorkflow.workflowId },
    ]);
    expect(json.result_info).toMatchObject({ page: 1, per_page: 5, total_count: 2 });
    expect(await result("GET", "?page=2")).toEqual([]);
  });

  it("are read although their home does not answer", async () => {
    expect(await result("GET", "/orders")).toMatchObject({ name: "orders", instances: { running: 0 } });
    expect(await result("GET", "/asleep")).toMatchObject({ name: "asleep", instances: {} });
    expect(await failure("GET", "/unknown")).toEqual({ status: 404, code: 10200 });
  });

  it("have the versions of their Worker that were deployed", async () => {
    expect(await result("GET", "/orders/versions")).toMatchObject([{ id: "shop-2" }, { id: "shop-1" }]);
    expect(await result("GET", "/orders/versions/shop-1")).toMatchObject({ id: "shop-1", class_name: "Orders" });
    expect(await failure("GET", "/orders/versions/none")).toEqual({ status: 404, code: 10200 });
  });

  it("are made and changed with PUT, and deleted", async () => {
    const put = { script_name: "shop", class_name: "Other", limits: { steps: 5 }, jurisdiction: "eu" };
    const published = control.platform.runtime.published;
    expect(await result("PUT", "/made", put)).toMatchObject({ class_name: "Other", limits: { steps: 5 } });
    expect(await result("PUT", "/made", { ...put, default_retention: { success_retention: "3 days" } })).toMatchObject({
      default_retention: { success_retention: "3 days" },
    });
    const { settings_json, id } = await control.platform.db
      .selectFrom("workflows")
      .select(["id", "settings_json"])
      .where("name", "=", "made")
      .executeTakeFirstOrThrow();
    expect(JSON.parse(settings_json)).toMatchObject({ limits: { steps: 5 }, jurisdiction: "eu" });
    expect(control.platform.runtime.published).toBe(published + 2);
    expect(await failure("PUT", "/made", { ...put, jurisdiction: "us" })).toEqual({ status: 400, code: 10209 });
    await result("DELETE", "/made");
    expect(await failure("GET", "/made")).toEqual({ status: 404, code: 10200 });
    expect(control.platform.runtime.discarded).toContain(id);
  });

  it.each([
    ["an unknown Worker", "/made", { script_name: "none", class_name: "A" }, 10007],
    ["a bad name", "/no%20good", { script_name: "shop", class_name: "A" }, 10026],
    ["too many steps", "/made", { script_name: "shop", class_name: "A", limits: { steps: 1e6 } }, 10026],
    [
      "a retention that is none",
      "/made",
      { script_name: "shop", class_name: "A", default_retention: { error_retention: "soon" } },
      10026,
    ],
    [
      "a schedule that is none",
      "/made",
      { script_name: "shop", class_name: "A", schedules: [{ cron: "* * * * 0" }] },
      10026,
    ],
    ["a name that another Worker has", "/orders", { script_name: "idle", class_name: "A" }, 10021],
  ])("refuse %s", async (_, path, body, code) => {
    expect((await failure("PUT", path, body)).code).toBe(code);
  });
});

describe("schedules", () => {
  it("create instances by the clock, and are replaced with the workflow", async () => {
    const { platform, accountId } = control;
    const put = (crons: string[]) =>
      result("PUT", "/orders", {
        ...{ script_name: "shop", class_name: "Orders" },
        schedules: crons.map((cron) => ({ cron })),
      });
    const scheduler = new CronScheduler(platform);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-11-28T11:59:00Z") });
    await scheduler.tick();
    expect(await put(["0 12 * * *"])).toMatchObject({ schedules: [{ cron: "0 12 * * *" }] });
    vi.setSystemTime("2026-11-28T12:00:01Z");
    await scheduler.tick();
    vi.useRealTimers();
    await scheduler.stop();
    const instances = (await result("GET", "/orders/instances")) as { id: string; trigger: unknown }[];
    const made = instances.find(({ trigger }) => (trigger as { source: string }).source === "cron");
    expect(await result("GET", `/orders/instances/${made?.id}`)).toMatchObject({
      params: { cron: "0 12 * * *", scheduledTime: Date.parse("2026-11-28T12:00:00Z") },
    });
    const runs = await control.call("GET", `/accounts/${accountId}/workers/scripts/shop/schedules/runs`);
    expect(runs.json.result).toMatchObject([{ workflow_id: testWorkflow.workflowId, outcome: "ok" }]);
    expect(await result("GET", "/orders")).toMatchObject({ schedules: [{ cron: "0 12 * * *" }] });
    // The Worker's own list has nothing of it.
    const own = await control.call("GET", `/accounts/${accountId}/workers/scripts/shop/schedules`);
    expect(own.json.result).toEqual({ schedules: [] });
    expect(await put([])).toMatchObject({ schedules: [] });
    await result("DELETE", `/orders/instances/${made?.id}`);
  });
});

describe("instances", () => {
  it("are created, shown with their steps, and listed", async () => {
    const made = await result("POST", "/orders/instances", { instance_id: "one", params: { wait: true } });
    expect(made).toMatchObject({ id: "one", workflow_id: testWorkflow.workflowId });
    await home.reached("one", "waiting");
    expect(await result("GET", "/orders/instances/one")).toMatchObject({
      status: "waiting",
      success: null,
      params: { wait: true },
      trigger: { source: "api" },
      end: null,
      steps: [
        { type: "step", name: "first-1", success: true, output: 1, config: { timeout: "10 minutes" } },
        { type: "waitForEvent", name: "go-1", finished: false, end: null },
      ],
    });
    const { id } = (await result("POST", "/orders/instances")) as { id: string };
    await home.reached(id, "complete");
    const listed = (await result("GET", "/orders/instances/")) as { id: string; status: string }[];
    expect(listed.map((one) => `${one.id} ${one.status}`)).toEqual([`${id} complete`, "one waiting"]);
    expect(await result("GET", "/orders/instances?status=complete")).toMatchObject([{ id }]);
  });

  it("are listed page by page, by cursor and by number", async () => {
    await result("POST", "/orders/instances/batch", [
      { instance_id: "p1" },
      { instance_id: "p2" },
      { instance_id: "one" },
    ]);
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const { json } = await call("GET", `/orders/instances?per_page=2${cursor ? `&cursor=${cursor}` : ""}`);
      ids.push(...(json.result as { id: string }[]).map(({ id }) => id));
      cursor = (json.result_info as { cursor?: string }).cursor;
    } while (cursor);
    expect(ids.length).toBe(4);
    expect(ids.slice(0, 2).toSorted()).toEqual(["p1", "p2"]);
    const second = (await result("GET", "/orders/instances?per_page=2&page=2")) as { id: string }[];
    expect(second.map(({ id }) => id)).toEqual(ids.slice(2));
    expect(await failure("GET", "/orders/instances?cursor=zzz")).toEqual({ status: 400, code: 10026 });
    expect(await failure("GET", "/orders/instances?status=odd")).toEqual({ status: 400, code: 10026 });
    expect(await failure("GET", "/orders/instances?date_start=odd")).toEqual({ status: 400, code: 10026 });
  });

  it("are paused, resumed, restarted and terminated, and get events", async () => {
    const change = (body: unknown) => result("PATCH", "/orders/instances/one/status", body);
    expect(await change({ status: "pause" })).toMatchObject({ status: "paused" });
    expect(await change({ status: "resume" })).toMatchObject({ status: expect.stringMatching(/running|waiting/) });
    expect(await change({ status: "restart", from: { name: "first" } })).toMatchObject({ status: expect.any(String) });
    await home.reached("one", "waiting");
    await result("POST", "/orders/instances/one/events/go", { ok: true });
    expect((await home.reached("one", "complete")).output).toEqual({ ok: true });
    expect(await failure("PATCH", "/orders/instances/one/status", { status: "resume" })).toEqual({
      status: 409,
      code: 10026,
    });
    expect(await failure("PATCH", "/orders/instances/one/status", { status: "terminate" })).toEqual({
      status: 409,
      code: 10026,
    });

    for (const instance_id of ["t1", "t2"])
      await result("POST", "/orders/instances", { instance_id, params: { wait: true } });
    expect(await result("PUT", "/orders/instances/terminate?status=waiting")).toMatchObject({ status: "ok" });
    expect((await home.reached("t2", "terminated")).steps.at(-1)).toEqual({
      type: "termination",
      trigger: { source: "api" },
    });
  });

  it("are deleted", async () => {
    expect(await result("POST", "/orders/instances/batch/delete", { instances: ["t1", "gone"] })).toMatchObject({
      deleted: [{ id: "t1" }],
      errors: [{ id: "gone" }],
    });
    await result("DELETE", "/orders/instances/t2");
    expect(await failure("GET", "/orders/instances/t2")).toEqual({ status: 404, code: 10400 });
    expect(await failure("DELETE", "/orders/instances/t2")).toEqual({ status: 404, code: 10400 });
  });

  it.each([
    ["a taken id", "POST", "", { instance_id: "one" }, 409, 10405],
    ["a bad id", "POST", "", { instance_id: "no good" }, 400, 10026],
    ["an unknown instance", "PATCH", "/none/status", { status: "pause" }, 404, 10400],
    ["an unknown action", "PATCH", "/one/status", { status: "dance" }, 400, 10026],
    ["a bad event type", "POST", "/one/events/no%20good", {}, 400, 10026],
    ["large parameters", "POST", "", { params: { text: "x".repeat(1024 * 1024) } }, 400, 10026],
  ])("refuse %s", async (_, method, path, body, status, code) => {
    expect(await failure(method, `/orders/instances${path}`, body)).toEqual({ status, code });
  });

  it("are found while their home moves, and their absence is explained", async () => {
    isMoving = 3;
    expect(await result("GET", "/orders/instances/one")).toMatchObject({ status: "complete" });
    expect(await failure("GET", "/asleep/instances")).toEqual({ status: 409, code: 10200 });
  });
});
