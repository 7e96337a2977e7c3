import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { socketNames } from "../../workerd/plan.ts";
import { runtimeText } from "../../workerd/runtime-text.ts";
import { startTestRunner, type TestBlobs, type TestRunner, testRecord } from "../../workerd/testing.ts";
import { planLaunch } from "../launch.ts";
import { MOVED } from "./home.ts";
import { startTestHome, type TestHome, testWorkflow } from "./testing.ts";

const ORDERS = `
export class Orders extends WorkflowEntrypoint {
  async run(event, step) {
    const { payload } = await step.waitForEvent("go", { type: "go" });
    return [event.payload, payload];
  }
}
`;

const GUEST = `
export default { async fetch(request, env) {
  const url = new URL(request.url);
  const id = url.searchParams.get("id");
  try {
    const target = id === null ? env.ORDERS : await env.ORDERS.get(id);
    const result = await target[url.pathname.slice(1)](...await request.json());
    if (url.pathname === "/subscribe") {
      const types = [];
      for (let event = await result.next(); !event.done; event = await result.next()) types.push(event.value.type);
      return Response.json({ result: types });
    }
    return Response.json({ result: Array.isArray(result) ? result.map(({ id }) => id) : result?.id ?? result ?? null });
  } catch (error) {
    return Response.json({ error: error.name + ": " + error.message });
  }
} };
`;

describe("a binding to a workflow of another runner", () => {
  let home: TestHome;
  let guest: TestRunner;
  let servicesDir: string;
  const call = async (method: string, args: unknown[] = [], id?: string) => {
    const path = `/${method}${id === undefined ? "" : `?id=${id}`}`;
    return JSON.parse((await guest.fetch(path, { method: "POST", body: JSON.stringify(args) })).body);
  };

  beforeAll(async () => {
    home = await startTestHome(ORDERS);
    servicesDir = await mkdtemp(join(tmpdir(), "fh-wl-"));
    const blobs: TestBlobs = new Map();
    const { name, className, workflowId } = testWorkflow;
    const record = testRecord(
      blobs,
      { "index.js": GUEST },
      {
        bindings: [{ type: "workflow", name: "ORDERS", workflowName: name, className, workflowId, scriptName: "shop" }],
      },
    );
    let links: unknown;
    const plan: typeof planLaunch = (...parts) => {
      const made = planLaunch(...parts);
      links = made.links;
      return made;
    };
    guest = await startTestRunner(plan, record, blobs, { servicesDir });
    expect(links).toEqual([{ socket: "link-0.sock", to: { stateId: workflowId } }]);
    // Services would ask the supervisor who the owner is.
    await symlink(join(home.runner.socketDir, socketNames.rpc), join(servicesDir, "link-0.sock"));
  });
  afterAll(async () => {
    await guest.stop();
    await home.stop();
    await rm(servicesDir, { recursive: true, force: true });
  });

  it("creates, controls and reads instances there", async () => {
    expect(await call("create", [{ id: "a", params: { n: 1 } }])).toEqual({ result: "a" });
    expect(await call("createBatch", [[{ id: "b" }, { id: "c" }]])).toEqual({ result: ["b", "c"] });
    await home.reached("a", "waiting");
    await call("pause", [], "a");
    expect(await call("status", [], "a")).toEqual({ result: { status: "paused", output: null } });
    await call("resume", [], "a");
    await call("sendEvent", [{ type: "go", payload: { n: 2 } }], "a");
    expect((await home.reached("a", "complete")).output).toEqual([{ n: 1 }, { n: 2 }]);
    await call("terminate", [], "b");
    expect(await call("deleteBatch", [["b", "x"]])).toMatchObject({ result: { deleted: [{ id: "b" }] } });
    expect(await call("delete", [], "c")).toEqual({ result: null });
  });

  it("streams what happens to an instance", async () => {
    expect(await call("subscribe", [{ filter: ["workflow_queued", "workflow_completed"] }], "a")).toEqual({
      result: ["workflow_queued", "workflow_completed"],
    });
  });

  it("passes on the engine's errors", async () => {
    expect(await call("create", [{ id: "a" }])).toEqual({
      error: expect.stringMatching(/^WorkflowError: \(instance\.already_exists\)/),
    });
    expect(await call("status", [], "none")).toEqual({ error: expect.stringContaining("instance.not_found") });
  });

  it("and whoever else calls knows a refusal of a home that moves", async () => {
    expect(await home.drain()).toBe(200);
    expect((await home.gate("GET", "/counts")).error.message).toBe(MOVED);
    expect(runtimeText("rpc-names")).toContain(JSON.stringify(MOVED));
  });
});
