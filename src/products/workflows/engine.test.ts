import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestHome, type TestHome } from "./testing.ts";

const ORDERS = `
export class Orders extends WorkflowEntrypoint {
  async run(event, step) {
    const { mode } = event.payload;
    const { attempts } = await step.do("first", { retries: { limit: 3, delay: 20, backoff: "linear" } }, async ({ attempt }) => {
      log("first " + event.instanceId + " " + attempt);
      if (mode === "retry" && attempt < 3) throw new TypeError("attempt " + attempt);
      if (mode === "fatal") throw new NonRetryableError("never");
      return { attempts: attempt };
    });
    if (mode === "slow") await step.do("slow", { timeout: 50, retries: { limit: 1, delay: 10 } }, () => scheduler.wait(60_000));
    if (mode === "nap") await step.sleep("nap", 300);
    if (mode === "until") await step.sleepUntil("until", new Date(event.timestamp.getTime() + 500));
    if (mode === "wait") return (await step.waitForEvent("approval", { type: "approved", timeout: "1 hour" })).payload;
    if (mode === "wait-briefly") await step.waitForEvent("approval", { type: "approved", timeout: 50 });
    if (mode === "cyclic") { const cyclic = { name: "me" }; cyclic.a = cyclic.b = cyclic; return cyclic; }
    if (mode === "rich") return await step.do("rich", async () => ({ big: 12n, when: new Date(0), set: new Set([1]), map: new Map([["a", 1]]) }));
    return { attempts, instance: event.instanceId, workflow: event.workflowName };
  }
}
`;

describe("the engine of workflows", () => {
  let home: TestHome;
  beforeAll(async () => {
    home = await startTestHome(ORDERS);
  });
  afterAll(() => home.stop());

  it("runs an instance with an id of its own or a given one", async () => {
    const { id } = (await home.call("create")) as { id: string };
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    await home.reached(id, "complete");
    await home.call("create", [{ id: "given", params: { a: 1 } }]);
    const instance = await home.reached("given", "complete");
    expect(instance).toMatchObject({
      params: { a: 1 },
      output: { attempts: 1, instance: "given", workflow: "orders" },
      success: true,
      error: null,
      trigger: { source: "binding" },
      versionId: "00000000-0000-4000-8000-000000000001",
      steps: [{ type: "step", name: "first-1", success: true, output: { attempts: 1 }, attempts: [{ success: true }] }],
    });
    expect(Date.parse(instance.queued ?? "")).toBeLessThanOrEqual(Date.parse(instance.end ?? ""));
  });

  it("refuses an id twice, one that is none, and one that is unknown", async () => {
    await home.call("create", [{ id: "twice" }]);
    await expect(home.call("create", [{ id: "twice" }])).rejects.toThrow("instance.already_exists");
    await expect(home.call("create", [{ id: "no spaces" }])).rejects.toThrow("invalid id");
    await expect(home.call("create", [{ id: "x".repeat(101) }])).rejects.toThrow("invalid id");
    await expect(home.call("status", [], "unknown")).rejects.toThrow("instance.not_found");
    await expect(home.call("status", [], "freehold:list")).rejects.toThrow("instance.not_found");
  });

  it("creates and deletes many at once", async () => {
    const created = await home.call("createBatch", [[{ id: "b1" }, { id: "b2" }, { id: "b1" }]]);
    expect((created as unknown[]).length).toBe(2);
    await home.reached("b2", "complete");
    expect(await home.call("deleteBatch", [["b1", "b2", "b3"]])).toEqual({
      deleted: [{ id: "b1" }, { id: "b2" }],
      errors: [{ id: "b3", code: 10400, message: "workflows.api.error.instance.not_found" }],
    });
    await expect(home.call("status", [], "b1")).rejects.toThrow("instance.not_found");
  });

  it("repeats a step that fails, with growing delays", async () => {
    await home.call("create", [{ id: "retry", params: { mode: "retry" } }]);
    const { steps, output } = await home.reached("retry", "complete");
    expect(output).toMatchObject({ attempts: 3 });
    expect(steps[0]?.attempts).toMatchObject([
      { success: false, error: { name: "TypeError", message: "attempt 1" } },
      { success: false, error: { name: "TypeError", message: "attempt 2" } },
      { success: true, error: null },
    ]);
  });

  it("does not repeat one that throws a NonRetryableError", async () => {
    await home.call("create", [{ id: "fatal", params: { mode: "fatal" } }]);
    const { success, error, steps } = await home.reached("fatal", "errored");
    expect({ success, error }).toEqual({ success: false, error: { name: "NonRetryableError", message: "never" } });
    expect(steps[0]).toMatchObject({ success: false, attempts: [{ success: false }] });
  });

  it("ends an attempt at its time-out", async () => {
    await home.call("create", [{ id: "slow", params: { mode: "slow" } }]);
    const { error, steps } = await home.reached("slow", "errored");
    expect(error).toMatchObject({ name: "WorkflowTimeoutError", message: "Execution timed out after 50ms" });
    expect(steps[1]?.attempts?.length).toBe(2);
  });

  it("sleeps for a time and until a moment", async () => {
    for (const mode of ["nap", "until"]) {
      await home.call("create", [{ id: mode, params: { mode } }]);
      const { steps, queued } = await home.reached(mode, "complete");
      const sleep = steps.find(({ type }) => type === "sleep");
      expect(sleep).toMatchObject({ name: `${mode}-1`, finished: true });
      const from = Date.parse((mode === "nap" ? sleep?.start : queued) ?? "");
      expect(Date.parse(sleep?.end ?? "") - from).toBeGreaterThanOrEqual(mode === "nap" ? 295 : 495);
    }
  });

  it("waits for an event, and takes one that came before", async () => {
    await home.call("create", [{ id: "wait", params: { mode: "wait" } }]);
    await home.reached("wait", "waiting");
    await home.call("sendEvent", [{ type: "other", payload: 0 }], "wait");
    await home.call("sendEvent", [{ type: "approved", payload: { by: "ann" } }], "wait");
    const { output, steps } = await home.reached("wait", "complete");
    expect(output).toEqual({ by: "ann" });
    expect(steps[1]).toMatchObject({ type: "waitForEvent", name: "approval-1", finished: true, output: { by: "ann" } });

    await home.call("create", [{ id: "early", params: { mode: "wait" } }]);
    await home.call("pause", [], "early");
    await home.call("sendEvent", [{ type: "approved", payload: 1 }], "early");
    await home.call("sendEvent", [{ type: "approved", payload: 2 }], "early");
    await home.reached("early", "paused");
    await home.call("resume", [], "early");
    expect((await home.reached("early", "complete")).output).toBe(1);

    await home.call("create", [{ id: "late", params: { mode: "wait-briefly" } }]);
    expect((await home.reached("late", "errored")).error?.name).toBe("WorkflowTimeoutError");
  });

  it("pauses, resumes, restarts and terminates", async () => {
    await home.call("create", [{ id: "states", params: { mode: "wait" } }]);
    await home.reached("states", "waiting");
    await home.call("pause", [], "states");
    expect(await home.call("status", [], "states")).toMatchObject({ status: "paused" });
    await home.call("resume", [], "states");
    await home.reached("states", "waiting");
    await home.call("restart", [], "states");
    await home.reached("states", "waiting");
    expect(home.logged().filter((line) => line === "first states 1").length).toBe(2);
    await home.call("restart", [{ from: { name: "approval", type: "waitForEvent" } }], "states");
    await home.reached("states", "waiting");
    expect(home.logged().filter((line) => line === "first states 1").length).toBe(2);
    await home.call("terminate", [], "states");
    expect(await home.reached("states", "terminated")).toMatchObject({ success: false });
    await expect(home.call("terminate", [], "states")).rejects.toThrow("instance.cannot_terminate");
    await expect(home.call("resume", [], "states")).rejects.toThrow("instance.cannot_resume");
  });

  it("shows results that JSON has no words for", async () => {
    await home.call("create", [{ id: "rich", params: { mode: "rich" } }]);
    const { output } = await home.reached("rich", "complete");
    await home.call("create", [{ id: "cyclic", params: { mode: "cyclic" } }]);
    expect((await home.reached("cyclic", "complete")).output).toMatchObject({ name: "me", b: { name: "me" } });
    expect(output).toEqual({ big: "12", when: "1970-01-01T00:00:00.000Z", set: [1], map: { a: 1 } });
  });

  it("refuses parameters and payloads of more than 1 MiB", async () => {
    const large = "x".repeat(1024 * 1024 + 1);
    await expect(home.call("create", [{ id: "large", params: { large } }])).rejects.toThrow("not be larger than 1 MiB");
    const many = Array.from({ length: 1_100_000 }, () => 0);
    await expect(home.call("create", [{ id: "many", params: many }])).rejects.toThrow("not be larger than 1 MiB");
    await home.call("create", [{ id: "fits-too", params: many.slice(0, 200_000) }]);
    await home.call("create", [{ id: "fits", params: { text: large.slice(100), mode: "wait" } }]);
    await expect(home.call("sendEvent", [{ type: "approved", payload: large }], "fits")).rejects.toThrow("1 MiB");
  });
});
