import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { latencyBucket, noCounts, type VersionCounts } from "../domain/version-counts.ts";
import { type TestApi, testApi } from "../workers/testing.ts";
import { Rollouts } from "./rollouts.ts";
import { SnapshotTaker } from "./snapshot.ts";

const CHECK_MS = 10_000;
const MINUTE_MS = 60_000;

let api: TestApi;
/** Added to the real time, which the API goes by. */
let laterMs: number;
let rollouts: Rollouts;
let stable: string;
let candidate: string;
beforeEach(async () => {
  api = await testApi();
  laterMs = 0;
  rollouts = scheduler();
  stable = await api.deploy("w");
  candidate = await api.upload("w");
});
afterEach(() => api.end());

function scheduler(): Rollouts {
  return new Rollouts(api.platform, { checkMs: CHECK_MS, now: () => Date.now() + laterMs });
}

const plan = {
  steps: [
    { percentage: 10, minutes: 5 },
    { percentage: 50, minutes: 10 },
  ],
  guard: { minimum_requests: 100, error_rate: {} },
};

const deploy = (versions: [id: string, percentage: number][], more: object = {}) =>
  api.call("POST", "/scripts/w/deployments", {
    versions: versions.map(([version_id, percentage]) => ({ version_id, percentage })),
    ...more,
  });

/** Starts the plan and answers the deployment's id. */
async function begin(given: object = plan): Promise<string> {
  const answer = await deploy(
    [
      [stable, 90],
      [candidate, 10],
    ],
    { plan: given },
  );
  expect(answer.errors).toEqual([]);
  return answer.result.id;
}

const planOf = async (deployment: string) =>
  (await api.call("GET", `/scripts/w/deployments/${deployment}/plan`)).result;
const act = (deployment: string, action: string) =>
  api.call("POST", `/scripts/w/deployments/${deployment}/plan/${action}`);
const active = async () => (await api.call("GET", "/scripts/w/deployments")).result.deployments[0];
const shares = async () =>
  (await active()).versions.map(({ version_id, percentage }: { version_id: string; percentage: number }) => [
    version_id,
    percentage,
  ]);

/** What the one edge has counted so far. */
function counted(versions: Record<string, [requests: number, errors: number]>): void {
  const counts = Object.entries(versions).map(([version, [requests, errors]]): [string, VersionCounts] => {
    const latencies = noCounts().latencies;
    latencies[latencyBucket(5)] = requests;
    return [version, { requests, errors, files: 0, latencies }];
  });
  api.platform.runtime.counted = [{ edgeId: "e1", versions: Object.fromEntries(counts) }];
}

/** Lets time pass and looks after the rollouts. */
async function later(ms: number): Promise<void> {
  laterMs += ms;
  await rollouts.check();
}

describe("a plan", () => {
  test("goes through its steps, each a deployment of its own that says so, and ends with one version", async () => {
    const id = await begin();
    expect(await planOf(id)).toMatchObject({ status: "running", step: 1, waiting_for: "time", deployment_id: id });
    counted({ [stable]: [900, 1], [candidate]: [120, 0] });
    await later(4 * MINUTE_MS);
    expect(await planOf(id)).toMatchObject({
      step: 1,
      measurements: {
        version: { requests: 120, errors: 0, error_rate: 0 },
        stable_version: { requests: 900, errors: 1 },
      },
    });
    expect((await planOf(id)).measurements.version.p99_ms).toBeGreaterThan(4);
    await later(MINUTE_MS);
    expect(await shares()).toEqual([
      [stable, 50],
      [candidate, 50],
    ]);
    const second = await active();
    expect(second).toMatchObject({
      author_email: "rollout@localhost",
      annotations: {
        "workers/message": `Step 2 of 2: 50 % for ${candidate.slice(0, 8)}`,
        "workers/triggered_by": "promotion",
        "freehold/plan": id,
      },
    });
    // Any deployment of the plan stands for it.
    expect(await planOf(second.id)).toMatchObject({ id, step: 2, measurements: { version: { requests: 0 } } });
    await later(10 * MINUTE_MS);
    expect(await planOf(id)).toMatchObject({ status: "running", step: 2 });
    counted({ [stable]: [1500, 1], [candidate]: [800, 3] });
    await later(CHECK_MS);
    expect(await shares()).toEqual([[candidate, 100]]);
    expect(await planOf(id)).toMatchObject({ status: "completed", next_change_on: null });
    expect((await active()).annotations["workers/message"]).toContain("Rolled out");
    expect(api.platform.runtime.retired).toEqual([stable]);
    expect(api.platform.audited.map(({ action }) => action)).toEqual(
      expect.arrayContaining(["rollout.start", "rollout.step", "rollout.complete"]),
    );
    await later(MINUTE_MS);
    expect(await shares()).toEqual([[candidate, 100]]);
  });

  test("a worse version is rolled back at the next check, with the reason where people look", async () => {
    const id = await begin();
    counted({ [stable]: [900, 1], [candidate]: [120, 24] });
    await later(CHECK_MS);
    expect(await shares()).toEqual([[stable, 100]]);
    const reason = "20 % of 120 requests failed, more than the stable version's 0.11 % of 900, times 2";
    expect((await active()).annotations).toMatchObject({
      "workers/message": `Rolled back ${candidate.slice(0, 8)}: ${reason}`,
      "workers/triggered_by": "rollback",
    });
    expect(await planOf(id)).toMatchObject({ status: "rolled_back", reason });
    expect(api.platform.audited.at(-1)).toMatchObject({ action: "rollout.roll-back", target: "w", detail: { reason } });
  });

  test("edges count its versions as long as it runs", async () => {
    const taker = new SnapshotTaker(api.platform.db, 0);
    const measured = async () => (await taker.take()).routing.scripts[0]?.measured;
    expect(await measured()).toBeUndefined();
    const id = await begin();
    expect(await measured()).toBe(true);
    await act(id, "pause");
    expect(await measured()).toBe(true);
    await act(id, "abort");
    expect(await measured()).toBeUndefined();
  });

  test("what was counted before it does not count", async () => {
    counted({ [stable]: [900, 1], [candidate]: [120, 120] });
    const id = await begin();
    await later(CHECK_MS);
    expect(await planOf(id)).toMatchObject({ status: "running", measurements: { version: { requests: 0 } } });
  });

  test("can be given to the active deployment", async () => {
    const { result } = await deploy([
      [candidate, 10],
      [stable, 90],
    ]);
    const put = (deployment: string, body: object = plan) =>
      api.call("PUT", `/scripts/w/deployments/${deployment}/plan`, body);
    const published = api.platform.runtime.published;
    expect((await put(result.id)).result).toMatchObject({
      id: result.id,
      version_id: candidate,
      stable_version_id: stable,
    });
    expect(api.platform.runtime.published).toBe(published + 1);
    expect((await active()).annotations["freehold/plan"]).toBe(result.id);
    expect((await put(result.id, { steps: [{ percentage: 10, minutes: 1 }] })).result.steps).toHaveLength(1);
    const again = await deploy([[stable, 100]]);
    expect((await put(result.id)).code).toBe(100150);
    expect((await put(again.result.id)).errors[0]).toMatchObject({
      code: 10021,
      message: expect.stringContaining("has 1"),
    });
  });

  test("that does not fit is refused, and then nothing is deployed", async () => {
    const before = await active();
    const refusal = async (given: object) => {
      const answer = await deploy(
        [
          [stable, 90],
          [candidate, 10],
        ],
        { plan: given },
      );
      return answer.errors[0]?.message;
    };
    expect(await refusal({ steps: [{ percentage: 20, minutes: 1 }] })).toContain("first step has 20 %");
    expect(await refusal({ ...plan, version_id: "other" })).toContain("none of the deployment's");
    for (const bad of [
      {},
      { steps: [] },
      { steps: [{ percentage: 10, minutes: 1, hours: 2 }] },
      { steps: [plan.steps[1], plan.steps[0]] },
      { ...plan, guard: {} },
      { ...plan, guard: { error_rate: { factor: 0.5 } } },
      { ...plan, metric: "x" },
    ])
      await expect(refusal(bad)).rejects.toThrow();
    expect((await active()).id).toBe(before.id);
  });
});

describe("control processes", () => {
  test("one that starts goes on where another ended, once that has been silent for a while", async () => {
    const id = await begin();
    counted({ [stable]: [900, 1], [candidate]: [120, 0] });
    await later(CHECK_MS);
    rollouts = scheduler();
    counted({ [stable]: [1000, 1], [candidate]: [130, 0] });
    await later(CHECK_MS);
    expect((await planOf(id)).measurements.version.requests).toBe(120);
    await later(3 * CHECK_MS);
    expect((await planOf(id)).measurements.version.requests).toBe(130);
    await later(5 * MINUTE_MS);
    expect(await planOf(id)).toMatchObject({ step: 2 });
  });

  test("several at once make one step", async () => {
    const id = await begin();
    counted({ [candidate]: [120, 0] });
    laterMs = 5 * MINUTE_MS;
    const several = [rollouts, scheduler(), scheduler()];
    await Promise.all(several.map((one) => one.check()));
    expect((await api.call("GET", "/scripts/w/deployments")).result.deployments).toHaveLength(3);
    expect(await planOf(id)).toMatchObject({ step: 2 });
  });

  test("a publication that fails does not make a step twice", async () => {
    const id = await begin({ steps: plan.steps });
    api.platform.runtime.publish = async () => Promise.reject(new Error("an edge is silent"));
    await later(5 * MINUTE_MS);
    await later(CHECK_MS);
    expect(await planOf(id)).toMatchObject({ status: "running", step: 2 });
    expect((await api.call("GET", "/scripts/w/deployments")).result.deployments).toHaveLength(3);
  });

  test("the scheduler comes back by itself, and ends", async () => {
    const id = await begin({ steps: [{ percentage: 10, minutes: 0 }] });
    const quick = new Rollouts(api.platform, { checkMs: 5 });
    quick.start();
    await expect.poll(async () => (await planOf(id)).status).toBe("completed");
    await quick.stop();
  });
});

describe("people", () => {
  test("pause and resume", async () => {
    const id = await begin();
    counted({ [candidate]: [120, 0] });
    expect((await act(id, "pause")).result).toMatchObject({
      status: "paused",
      waiting_for: "resumption",
      next_change_on: null,
    });
    await later(60 * MINUTE_MS);
    expect(await planOf(id)).toMatchObject({ step: 1, measurements: { version: { requests: 120 } } });
    expect((await act(id, "resume")).result).toMatchObject({ status: "running", waiting_for: "time" });
  });

  test("promote and abort, once", async () => {
    const promoted = await begin();
    expect((await act(promoted, "promote")).result).toMatchObject({
      status: "completed",
      reason: "promoted by test@localhost",
    });
    expect(await shares()).toEqual([[candidate, 100]]);
    expect((await act(promoted, "abort")).errors[0]).toMatchObject({
      code: 100149,
      message: "The plan has ended: completed (promoted by test@localhost).",
    });
    const aborted = await begin();
    expect((await act(aborted, "abort")).result.status).toBe("aborted");
    expect(await shares()).toEqual([[stable, 100]]);
    expect((await active()).author_email).toBe("test@localhost");
  });

  test("who deploy something else take its place", async () => {
    const id = await begin();
    const third = await api.deploy("w");
    expect(await planOf(id)).toMatchObject({ status: "superseded" });
    expect((await act(id, "promote")).code).toBe(100149);
    await later(60 * MINUTE_MS);
    expect(await shares()).toEqual([[third, 100]]);
  });

  test("who look for a plan that is none", async () => {
    const { id } = await active();
    expect((await api.call("GET", `/scripts/w/deployments/${id}/plan`)).code).toBe(100148);
    expect((await act("no-such", "pause")).code).toBe(100148);
    expect((await api.call("GET", `/scripts/none/deployments/${id}/plan`)).code).toBe(10007);
  });
});
