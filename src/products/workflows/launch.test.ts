import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { LaunchRecord } from "../../domain/version.ts";
import { startTestRunner, type TestBlobs, testRecord } from "../../workerd/testing.ts";
import { planLaunch } from "../launch.ts";

const CODE = `
import { WorkflowEntrypoint } from "cloudflare:workers";
export class Shared extends WorkflowEntrypoint {
  async run(event, step) {
    return step.do("only", () => event.workflowName);
  }
}
export default { async fetch(request, env) {
  const outputs = [];
  for (const workflow of [env.FIRST, env.SECOND]) {
    const instance = await workflow.create({ id: "same" });
    let status = await instance.status();
    while (status.status !== "complete") {
      await scheduler.wait(5);
      status = await instance.status();
    }
    outputs.push(status.output);
  }
  return Response.json(outputs);
} };
`;

const workflows = ["first", "second"].map((name, index) => ({
  name,
  className: "Shared",
  workflowId: String(index).repeat(32),
}));
const placement = { kind: "home" as const, classes: [], workflows };

function recordOf(blobs: TestBlobs, exports: LaunchRecord["exports"]): LaunchRecord {
  const bindings = workflows.map(({ name, className, workflowId }) => {
    return { type: "workflow" as const, name: name.toUpperCase(), workflowName: name, className, workflowId };
  });
  return testRecord(blobs, { "src/index.js": CODE }, { bindings, exports });
}

const served = { name: "default", kind: "object" as const, handlers: ["fetch"] };

it("runs two workflows of one class", async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "fh-wt-"));
  for (const { name } of workflows) await mkdir(join(stateDir, `miniflare-workflows-${name}`));
  const blobs: TestBlobs = new Map();
  const record = recordOf(blobs, [served, { name: "Shared", kind: "workflow", handlers: [] }]);
  const runner = await startTestRunner(planLaunch, record, blobs, { placement, stateDir });
  expect(runner.started, runner.stderr()).toBe(true);
  expect(JSON.parse((await runner.fetch("/")).body)).toEqual(["first", "second"]);
  await runner.stop();
  await rm(stateDir, { recursive: true });
});

it("starts code that lacks the class of a workflow; its bindings lead elsewhere", async () => {
  const blobs: TestBlobs = new Map();
  const runner = await startTestRunner(planLaunch, recordOf(blobs, [served]), blobs, { placement });
  expect(runner.started, runner.stderr()).toBe(true);
  await runner.stop();
});
