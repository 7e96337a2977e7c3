/** `tail()` of a real Worker, called as the services role calls it. */
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Delivery } from "../domain/events.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { Cleanup } from "../lib/http/testing.ts";
import { planLaunch } from "../products/launch.ts";
import { EventSender } from "../workerd/event-sender.ts";
import { socketNames } from "../workerd/plan.ts";
import { startTestRunner, type TestBlobs, testRecord } from "../workerd/testing.ts";

const cleanup = new Cleanup();
afterAll(() => cleanup.run());

const fetchSeen = "fetch: () => Response.json(seen ?? null)";
const see = `
let seen;
function see(items, env, ctx) {
  const [{ event, logs, scriptName }] = items;
  if (scriptName === "bad") throw new Error("no");
  ctx.waitUntil(Promise.resolve());
  seen = {
    scriptName, logs, text: env.TEXT, count: items.length,
    url: event.request?.url, header: event.request?.headers?.cookie,
    original: event.request?.getUnredacted(),
    json: JSON.stringify(event),
    due: event.scheduledTime instanceof Date ? event.scheduledTime.getTime() : event.scheduledTime,
  };
}`;

/** The Worker's handler gets the items; what it saw of them, and what came of it. */
async function tail(
  source: string,
  items: Record<string, unknown>[],
  parts: Partial<LaunchRecord> = {},
  handler = "tail",
): Promise<{ delivery: Delivery; seen: Record<string, unknown> }> {
  const blobs: TestBlobs = new Map();
  const record = testRecord(
    blobs,
    { "index.js": source },
    {
      bindings: [{ type: "plain_text", name: "TEXT", text: "here" }],
      exports: [{ name: "default", kind: "object", handlers: ["fetch", handler] }],
      ...parts,
    },
  );
  const runner = await startTestRunner(planLaunch, record, blobs);
  cleanup.add(() => runner.stop());
  expect(runner.started, runner.stderr()).toBe(true);
  const eventsSocket = join(runner.socketDir, socketNames.events);
  const address = { instanceId: "i", versionId: "v", httpSocket: "", rpcSocket: "", eventsSocket };
  const events = new EventSender({ acquire: async () => ({ runner: address }), verdict: async () => "none" });
  const texts = items.map((item) => JSON.stringify(item));
  const delivery = await events.deliver("v", { type: "tail", scripts: items.map(() => "p"), items: texts });
  return { delivery, seen: JSON.parse((await runner.fetch("/")).body || "{}") };
}

const item = (more: Record<string, unknown> = {}) => ({
  scriptName: "p",
  logs: [{ level: "log", message: ["hi"], timestamp: 1 }],
  event: { request: { url: "http://a/?k=REDACTED", method: "GET", headers: { cookie: "REDACTED", accept: "x" } } },
  unredacted: { url: "http://a/?k=v", headers: { cookie: "a=b" } },
  ...more,
});

test("gets the items, its bindings, and what was redacted when it asks", async () => {
  const { delivery, seen } = await tail(`${see}export default { ${fetchSeen}, tail: see };`, [item(), item()]);
  expect(delivery).toEqual({ outcome: "ok", begun: true, verdict: {} });
  expect(seen).toMatchObject({
    scriptName: "p",
    text: "here",
    count: 2,
    logs: [{ message: ["hi"] }],
    url: "http://a/?k=REDACTED",
    header: "REDACTED",
    original: { url: "http://a/?k=v", method: "GET", headers: { cookie: "a=b", accept: "x" } },
  });
  expect(seen.json).not.toContain("a=b");
});

test.each([
  ["a class", "class Main { }", {}, "tail"],
  ["the handler's first name", "", {}, "trace"],
  ["the first compatibility date", "", { compatibilityDate: "2021-11-02" }, "tail"],
] as const)("works with %s", async (what, _, parts, handler) => {
  const source =
    what === "a class"
      ? `import { WorkerEntrypoint } from "cloudflare:workers"; ${see}
         export default class extends WorkerEntrypoint {
           fetch() { return Response.json(seen ?? null); }
           tail(items) { see(items, this.env, this.ctx); }
         }`
      : `${see}export default { ${fetchSeen}, ${handler}: see };`;
  const { delivery, seen } = await tail(source, [item()], parts, handler);
  expect(delivery.outcome).toBe("ok");
  expect(seen).toMatchObject({ text: "here", header: "REDACTED" });
});

test("an alarm's time is a date, a Cron Trigger's a number", async () => {
  const source = `${see}export default { ${fetchSeen}, tail: see };`;
  const alarm = { scheduledTime: "2026-11-28T09:00:00.000Z" };
  expect((await tail(source, [item({ event: alarm })])).seen.due).toBe(Date.parse(alarm.scheduledTime));
  expect((await tail(source, [item({ event: { cron: "* * * * *", scheduledTime: 60_000 } })])).seen.due).toBe(60_000);
});

test("a handler that throws is an exception, and a version that has none is one too", async () => {
  const source = `${see}export default { ${fetchSeen}, tail: see, scheduled() {} };`;
  expect((await tail(source, [item({ scriptName: "bad" })])).delivery).toMatchObject({
    outcome: "exception",
    begun: true,
  });
  const { delivery } = await tail(source, [item()], {}, "scheduled");
  expect(delivery).toMatchObject({ outcome: "exception" });
});
