/** Cron Triggers with the real client: deployed, changed, run when asked, and gone again. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();

interface Run {
  id: string;
  cron: string;
  outcome: string | null;
  version_id: string | null;
  scheduled_time: string;
  duration_ms: number;
}

let app: Project;
let address: string;
let deployed: string;
beforeAll(async () => {
  app = new Project("cron-app");
  deployed = await platform().wranglerOk(app.directory, ["deploy"]);
  address = urlPrintedBy(deployed);
});
afterAll(() => app[Symbol.dispose]());

const path = "/workers/scripts/cron-app/schedules";
const crons = async () =>
  ((await platform().api.get(path)) as { schedules: { cron: string }[] }).schedules.map(({ cron }) => cron).sort();
const run = (cron: string) => platform().api.send("POST", `${path}/run`, { cron }) as Promise<Run>;
const runs = () => platform().api.get(`${path}/runs`) as Promise<Run[]>;

test("a deploy sets them, and they run with their bindings", async () => {
  expect(deployed).toContain("schedule: 0 3 1 JAN *");
  expect(await crons()).toEqual(["0 3 1 JAN *", "30 3 1 JAN *"]);
  const made = await run("0 3 1 JAN *");
  expect(made).toMatchObject({ cron: "0 3 1 JAN *", outcome: "ok" });
  // The answer waited for waitUntil.
  expect(made.duration_ms).toBeGreaterThanOrEqual(100);
  const seen = (await platform().fetch(new URL("/last", address).href)).json();
  expect(seen).toEqual({ cron: "0 3 1 JAN *", scheduledTime: Date.parse(made.scheduled_time) });
});

test("a handler that throws is told, and the history has both", async () => {
  const failed = await run("30 3 1 JAN *");
  expect(failed).toMatchObject({ outcome: "exception" });
  expect((await runs()).map(({ cron, outcome }) => [cron, outcome])).toEqual([
    ["30 3 1 JAN *", "exception"],
    ["0 3 1 JAN *", "ok"],
  ]);
});

test("triggers are deployed on their own, and a deploy does not cut a run off", async () => {
  app.configure({ triggers: { crons: ["45 3 1 JAN *"] } });
  await platform().wranglerOk(app.directory, ["triggers", "deploy"]);
  expect(await crons()).toEqual(["45 3 1 JAN *"]);
  const before = (await runs())[0]?.version_id;
  const going = run("45 3 1 JAN *");
  // The row is there once it runs.
  await expect.poll(async () => (await runs())[0]?.outcome, { timeout: 10_000 }).toBe(null);
  const source = "export default { fetch: () => new Response('new'), scheduled() {} }";
  const { versionId } = await platform().api.deploy("cron-app", source);
  expect(await going).toMatchObject({ outcome: "ok", version_id: before });
  expect(await run("45 3 1 JAN *")).toMatchObject({ outcome: "ok", version_id: versionId });
});

test("a Worker without the handler has its runs fail with the reason", async () => {
  await platform().api.deploy("cron-app", "export default { fetch: () => new Response('none') }");
  expect(await run("45 3 1 JAN *")).toMatchObject({
    outcome: "exception",
    message: "The Worker has no scheduled() handler.",
  });
});

test("what is wrong is refused with the reason; an empty list removes; without the key nothing changes", async () => {
  app.configure({ triggers: { crons: ["0 0 * * 0"] } });
  const refused = await platform().wrangler(app.directory, ["triggers", "deploy"]);
  expect(refused.code).not.toBe(0);
  expect(refused.output).toContain("1 being Sunday");
  expect(await crons()).toEqual(["45 3 1 JAN *"]);
  app.configure({ triggers: undefined, kv_namespaces: [] });
  await platform().wranglerOk(app.directory, ["deploy"]);
  expect(await crons()).toEqual(["45 3 1 JAN *"]);
  app.configure({ triggers: { crons: [] } });
  await platform().wranglerOk(app.directory, ["triggers", "deploy"]);
  expect(await crons()).toEqual([]);
});
