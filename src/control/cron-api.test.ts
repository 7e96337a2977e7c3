import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { uploadForm } from "../workers/testing.ts";
import { allRoutes } from "./routes.ts";
import { type Answer, type TestControl, testControl } from "./testing.ts";

let control: TestControl;
let workers: string;
beforeEach(async () => {
  control = await testControl(allRoutes);
  workers = `/accounts/${control.accountId}/workers/scripts`;
  for (const name of ["w", "other"]) await deploy(name);
});
afterEach(() => control.end());

async function deploy(name: string): Promise<void> {
  const response = await control.app.request(`http://localhost:8787/client/v4${workers}/${name}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${control.keys.admin}` },
    body: uploadForm(),
  });
  expect(response.status).toBe(200);
}

const put = (body: unknown, script = "w"): Promise<Answer> =>
  control.call("PUT", `${workers}/${script}/schedules`, { body });
// biome-ignore lint/suspicious/noExplicitAny: looked into by the fields that clients read.
const result = async (method: string, path: string, body?: unknown): Promise<any> => {
  const { status, json } = await control.call(method, `${workers}/w/schedules${path}`, { body });
  expect(status, JSON.stringify(json)).toBe(200);
  return json.result;
};
const crons = async () => (await result("GET", "")).schedules.map(({ cron }: { cron: string }) => cron);

it("replaces the list: what stays keeps its age, duplicates are one, and an empty list removes all", async () => {
  expect(await crons()).toEqual([]);
  const first = await result("PUT", "", [{ cron: " 0 0 * * * " }, { cron: "*/5 * * * *" }, { cron: "0 0 * * *" }]);
  expect(first.schedules.map(({ cron }: { cron: string }) => cron).sort()).toEqual(["*/5 * * * *", "0 0 * * *"]);
  const second = await result("PUT", "", { schedules: [{ cron: "0 0 * * *" }, { cron: "0 0 L * *" }] });
  expect(second.schedules).toContainEqual(first.schedules.find(({ cron }: { cron: string }) => cron === "0 0 * * *"));
  expect(await crons()).toEqual(["0 0 * * *", "0 0 L * *"]);
  expect((await control.call("GET", `${workers}/other/schedules`)).json.result).toEqual({ schedules: [] });
  await result("PUT", "", []);
  expect(await crons()).toEqual([]);
});

it("says that the code has no handler for the triggers, and takes them", async () => {
  const { status, json } = await put([{ cron: "0 0 1 1 *" }]);
  expect([status, json.messages]).toEqual([
    200,
    [{ code: 10000, message: expect.stringContaining("no scheduled() handler") }],
  ]);
  expect((await put([])).json.messages).toEqual([]);
});

it.each([
  ["an expression that is none", [{ cron: "0 0 * * MON" }, { cron: "* * * * 0" }], 400, 10026, "Sunday"],
  ["one that never comes", [{ cron: "0 0 30 2 *" }], 400, 10026, "no date"],
  ["one without end", [{ cron: `${"1,".repeat(200)}1 * * * *` }], 400, 10026, "256"],
  ["a body that is none", [{ schedule: "* * * * *" }], 400, 10026, "body"],
])("refuses %s, and leaves the list as it was", async (_what, body, status, code, text) => {
  await put([{ cron: "0 0 1 1 *" }]);
  const answer = await put(body);
  expect([answer.status, answer.json.errors[0]?.code]).toEqual([status, code]);
  expect(answer.json.errors[0]?.message).toContain(text);
  expect(await crons()).toEqual(["0 0 1 1 *"]);
});

it("bounds the triggers of an account", async () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ cron: `${n % 60} ${Math.floor(n / 60)} * * *` }));
  expect((await put(many(250))).status).toBe(200);
  const answer = await put([{ cron: "0 0 * * *" }], "other");
  expect([answer.status, answer.json.errors[0]?.message]).toEqual([400, expect.stringContaining("250")]);
  await put(many(249));
  expect((await put([{ cron: "0 0 * * *" }], "other")).status).toBe(200);
});

it("says 10007 for a Worker that is not there, and deletes triggers and runs with theirs", async () => {
  expect((await put([], "none")).json.errors[0]?.code).toBe(10007);
  await put([{ cron: "0 0 * * *" }]);
  await result("POST", "/run");
  expect((await control.call("DELETE", `${workers}/w`)).status).toBe(200);
  for (const table of ["cron_triggers", "cron_runs"] as const) {
    expect(await control.platform.db.selectFrom(table).selectAll().execute()).toEqual([]);
  }
});

it("runs a trigger when asked, and keeps what came of it", async () => {
  await put([{ cron: "0 0 * * *" }]);
  const { runtime } = control.platform;
  const run = await result("POST", "/run");
  expect(run).toMatchObject({ cron: "0 0 * * *", source: "api", outcome: "ok", message: null, workflow_id: null });
  expect(runtime.delivered).toEqual([
    {
      versionId: run.version_id,
      event: { type: "scheduled", cron: "0 0 * * *", scheduledTimeMs: Date.parse(run.scheduled_time) },
      timeoutMs: 900_000,
    },
  ]);
  expect(run.duration_ms).toBeGreaterThanOrEqual(0);
  expect(await result("GET", `/runs/${run.id}`)).toEqual(run);

  await put([{ cron: "0 0 * * *" }, { cron: "0 1 * * *" }]);
  const unclear = await control.call("POST", `${workers}/w/schedules/run`, { body: {} });
  expect([unclear.status, unclear.json.errors[0]?.message]).toEqual([404, expect.stringContaining('"0 1 * * *"')]);
  runtime.delivery = () => ({ outcome: "exceededCpu", begun: true });
  const second = await result("POST", "/run", { cron: "0 1 * * *" });
  expect(second).toMatchObject({ cron: "0 1 * * *", outcome: "exceededCpu" });
  expect((await result("GET", "/runs")).map(({ id }: { id: string }) => id).sort()).toEqual([run.id, second.id].sort());
  expect((await control.call("GET", `${workers}/other/schedules/runs/${run.id}`)).status).toBe(404);
});

it("has ten runs that were asked for go on at once, for each Worker", async () => {
  for (const script of ["w", "other"]) await put([{ cron: "0 0 * * *" }], script);
  const ends: (() => void)[] = [];
  control.platform.runtime.delivery = () =>
    new Promise((resolve) => void ends.push(() => resolve({ outcome: "ok", begun: true })));
  const run = (script = "w") => control.call("POST", `${workers}/${script}/schedules/run`);
  const running = Array.from({ length: 10 }, () => run());
  await vi.waitFor(() => expect(ends).toHaveLength(10));
  const { status, json } = await run();
  expect([status, json.errors[0]?.code]).toEqual([429, 10429]);
  const other = run("other");
  await vi.waitFor(() => expect(ends).toHaveLength(11));
  for (const end of ends.splice(0)) end();
  expect((await Promise.all([...running, other])).map((answer) => answer.status)).toEqual(Array(11).fill(200));
  control.platform.runtime.delivery = () => ({ outcome: "ok", begun: true });
  expect((await run()).status).toBe(200);
});

it("needs the right scopes", async () => {
  for (const [method, path, as] of [
    ["PUT", "", "read"],
    ["POST", "/run", "read"],
    ["GET", "/runs", "nobody"],
  ] as const) {
    const answer = await control.call(method, `${workers}/w/schedules${path}`, {
      as,
      ...(method !== "GET" && { body: [] }),
    });
    expect(answer.status).toBe(as === "nobody" ? 400 : 403);
  }
});
