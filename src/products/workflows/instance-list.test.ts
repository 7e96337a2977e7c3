import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestHome, type TestHome } from "./testing.ts";

const ORDERS = `
export class Orders extends WorkflowEntrypoint {
  async run(event, step) {
    if (event.payload.wait) await step.waitForEvent("go", { type: "go" });
    if (event.payload.fail) throw new Error("failed");
  }
}
`;

interface ListPage {
  rows: { id: string; status: string; source: string; created: number; version: string }[];
  hasMore: boolean;
  total: number;
}

describe("the list of instances", () => {
  let home: TestHome;
  const page = async (query: Record<string, unknown>) =>
    (await home.gate("POST", "/page", { limit: 10, ...query })).result as ListPage;
  const ids = async (query: Record<string, unknown>) => (await page(query)).rows.map(({ id }) => id);

  beforeAll(async () => {
    home = await startTestHome(ORDERS, { steps: 3, retention: { success: "1 hour", error: 700 } });
    for (const id of ["a", "b", "c"]) await home.call("create", [{ id, params: { wait: id === "b" } }]);
    await home.gate("POST", "/create", { source: "api", options: { id: "d", params: {} } });
    await home.gate("POST", "/create-batch", {
      source: "api",
      instances: [{ id: "e", params: { wait: true } }, { id: "f" }],
    });
    for (const id of ["a", "c", "d", "f"]) await home.reached(id, "complete");
    for (const id of ["b", "e"]) await home.reached(id, "waiting");
  });
  afterAll(() => home.stop());

  it("has the newest first, or the oldest, in pages", async () => {
    expect((await ids({})).toSorted()).toEqual(["a", "b", "c", "d", "e", "f"]);
    const first = await page({ limit: 4 });
    expect({ hasMore: first.hasMore, total: first.total }).toEqual({ hasMore: true, total: 6 });
    const last = first.rows[3];
    const second = await page({ limit: 4, after: [last?.created, last?.id] });
    expect(second.hasMore).toBe(false);
    expect([...first.rows, ...second.rows].map(({ id }) => id)).toEqual(await ids({}));
    expect((await ids({ oldestFirst: true })).toReversed()).toEqual(await ids({}));
  });

  it("knows status, origin and version", async () => {
    const { rows } = await page({});
    expect(Object.fromEntries(rows.map(({ id, status, source }) => [id, `${status} ${source}`]))).toEqual({
      a: "complete binding",
      b: "waiting binding",
      c: "complete binding",
      d: "complete api",
      e: "waiting api",
      f: "complete api",
    });
    expect(rows[0]?.version).toBe("00000000-0000-4000-8000-000000000001");
    expect((await ids({ status: "waiting" })).toSorted()).toEqual(["b", "e"]);
    expect((await home.gate("GET", "/counts")).result).toEqual({ complete: 4, waiting: 2 });
  });

  it("selects by time", async () => {
    const { rows } = await page({ oldestFirst: true });
    const third = rows[2]?.created ?? 0;
    expect((await ids({ from: third })).length).toBe(rows.filter(({ created }) => created >= third).length);
    expect((await ids({ to: third })).length).toBe(rows.filter(({ created }) => created <= third).length);
  });

  it("forgets instances that were deleted, and those past their retention", async () => {
    await home.call("create", [{ id: "failing", params: { fail: true } }]);
    await home.reached("failing", "errored");
    await home.call("create", [{ id: "short", retention: { successRetention: 300 } }]);
    await home.call("create", [{ id: "deleted", params: { wait: true } }]);
    await home.gate("POST", "/delete-batch", { instances: ["deleted"] });
    for (const until = Date.now() + 20_000; ; ) {
      const present = await ids({});
      if (!present.includes("failing") && !present.includes("short")) break;
      if (Date.now() > until) throw new Error(`still there: ${present}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect((await ids({})).length).toBe(6);
    await expect(home.call("status", [], "failing")).rejects.toThrow("instance.not_found");
    // Its id is free again.
    await home.call("create", [{ id: "short" }]);
    await home.call("delete", [], "short");
  });

  it("is there after a restart", async () => {
    const before = await ids({});
    await home.end();
    await home.start();
    expect(await ids({})).toEqual(before);
  });

  it("takes new limits while it runs", async () => {
    await home.gate("POST", "/configure", { retention: { success: 200 } });
    await home.call("create", [{ id: "brief" }]);
    for (const until = Date.now() + 20_000; (await ids({})).includes("brief"); ) {
      if (Date.now() > until) throw new Error("still there");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  it("ends all that are in a status", async () => {
    expect((await home.gate("POST", "/terminate-all", { status: "paused" })).result).toEqual({ terminated: 0 });
    expect((await home.gate("POST", "/terminate-all", {})).result).toEqual({ terminated: 2 });
    expect((await ids({ status: "terminated" })).toSorted()).toEqual(["b", "e"]);
  });

  it("answers a failure with the engine's message", async () => {
    const twice = await home.gate("POST", "/create", { source: "api", options: { id: "a" } });
    expect({ status: twice.status, message: twice.error.message }).toEqual({
      status: 422,
      message: expect.stringContaining("instance.already_exists"),
    });
    expect((await home.gate("POST", "/instances/nope/pause", {})).error.message).toBe("instance.not_found");
    expect((await home.gate("GET", "/instances/nope")).result).toBeNull();
  });
});
