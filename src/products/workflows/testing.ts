/** A runner that owns a workflow, its data in a directory that outlives it. For tests only. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WorkflowClass } from "../../domain/version.ts";
import { socketNames } from "../../workerd/plan.ts";
import { startTestRunner, type TestBlobs, type TestRunner, testRecord } from "../../workerd/testing.ts";
import { planLaunch } from "../launch.ts";

export const testWorkflow: WorkflowClass = { name: "orders", className: "Orders", workflowId: "0".repeat(32) };

/** Serves `POST /<call>` with a JSON list of arguments, on the binding or, with `?id=`, on an instance. */
const ENTRY = `
export default { async fetch(request, env) {
  const url = new URL(request.url);
  const id = url.searchParams.get("id");
  try {
    const target = id === null ? env.ORDERS : await env.ORDERS.get(id);
    const result = await target[url.pathname.slice(1)](...await request.json());
    return Response.json({ result: result?.id ? { id: result.id } : result ?? null });
  } catch (error) {
    return Response.json({ error: { name: error.name, message: error.message } }, { status: 500 });
  }
} };
`;

export interface TestHome {
  runner: TestRunner;
  /** What the code reported with \`log\`, over all runners. */
  logged(): string[];
  /** Calls the binding, or with an id the instance, as the Worker's code does. */
  call(method: string, args?: unknown[], id?: string): Promise<unknown>;
  /** Calls the gate, as the platform does. */
  gate(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; result: never; error: { message: string } }>;
  /** Resolves with the instance's description once it has the status; fails after a bounded time. */
  reached(id: string, status: string): Promise<TestInstance>;
  /** Announces an orderly end, as the supervisor does; the status of the answer. */
  drain(): Promise<number>;
  /** Ends the process; by default as a crash does. */
  end(signal?: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** Starts the next process on the same data. */
  start(orders?: string): Promise<void>;
  stop(): Promise<void>;
}

export interface TestInstance {
  status: string;
  params: unknown;
  output: unknown;
  success: boolean | null;
  error: { name: string; message: string } | null;
  trigger: { source: string };
  versionId: string;
  queued: string | null;
  start: string | null;
  end: string | null;
  steps: TestStep[];
}

export interface TestStep {
  type: string;
  name: string;
  start: string;
  end: string | null;
  success?: boolean | null;
  finished?: boolean;
  output?: unknown;
  error?: { name: string; message: string } | null;
  attempts?: { success: boolean | null; error: { name: string; message: string } | null }[];
}

/** `orders`: code of the class `Orders` and what it needs; may call `log(text)`. */
export async function startTestHome(orders: string, settings?: WorkflowClass["settings"]): Promise<TestHome> {
  const stateDir = await mkdtemp(join(tmpdir(), "fh-wf-"));
  await mkdir(join(stateDir, `miniflare-workflows-${testWorkflow.name}`));
  const blobs: TestBlobs = new Map();
  const logs: (() => string)[] = [];
  let runner: TestRunner;
  let code = orders;

  const start = async () => {
    const prelude = `import { WorkflowEntrypoint } from "cloudflare:workers";\nimport { NonRetryableError } from "cloudflare:workflows";\nconst log = (text) => console.log("<" + text + ">");\n`;
    const workflow = { ...testWorkflow, ...(settings && { settings }) };
    const { name, className, workflowId } = workflow;
    const record = testRecord(
      blobs,
      { "index.js": `${prelude}${code}${ENTRY}` },
      {
        bindings: [{ type: "workflow", name: "ORDERS", workflowName: name, className, workflowId }],
        exports: [
          { name: "default", kind: "object", handlers: ["fetch"] },
          { name: className, kind: "workflow", handlers: [] },
        ],
      },
    );
    const placement = { kind: "home" as const, classes: [], workflows: [workflow] };
    const started = await startTestRunner(planLaunch, record, blobs, { placement, stateDir });
    if (!started.started) throw new Error(started.stderr());
    logs.push(started.stdout);
    runner = started;
  };
  await start();

  const gate: TestHome["gate"] = async (method, path, body) => {
    const socket = join(runner.socketDir, socketNames.gate);
    const init = { method, socket, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const reply = await runner.fetch(`/workflows/${testWorkflow.workflowId}${path}`, init);
    return { status: reply.status, ...JSON.parse(reply.body) };
  };
  return {
    get runner() {
      return runner;
    },
    logged: () => logs.flatMap((log) => [...log().matchAll(/<(.*)>/g)].map(([, text]) => text ?? "")),
    async call(method, args = [], id) {
      const path = `/${method}${id === undefined ? "" : `?id=${id}`}`;
      const { result, error } = JSON.parse(
        (await runner.fetch(path, { method: "POST", body: JSON.stringify(args) })).body,
      );
      if (error) throw Object.assign(new Error(error.message), { name: error.name });
      return result;
    },
    gate,
    async reached(id, status) {
      let instance: TestInstance | null = null;
      for (const until = Date.now() + 20_000; Date.now() < until; ) {
        instance = (await gate("GET", `/instances/${id}`)).result as TestInstance | null;
        if (instance?.status === status) return instance;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`${id} is ${JSON.stringify(instance)}, not ${status}. ${runner.stderr()}`);
    },
    async drain() {
      const socket = join(runner.socketDir, socketNames.gate);
      return (await runner.fetch("/drain", { method: "POST", socket })).status;
    },
    async end(signal = "SIGKILL") {
      const ended = new Promise((resolve) => runner.process.once("exit", resolve));
      runner.process.kill(signal);
      await ended;
    },
    async start(next = code) {
      code = next;
      await runner.stop();
      await start();
    },
    async stop() {
      await runner.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
