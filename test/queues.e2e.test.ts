/** `wrangler queues`, a Worker that produces and consumes, and messages over HTTP. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { killProcess, urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();

interface Seen {
  at: number;
  queue: string;
  size: number;
  id: string;
  attempts: number;
  body: unknown;
  sent: number;
}

let app: Project;
let address: string;
const ids = new Map<string, string>();

beforeAll(() => {
  app = new Project("queue-app");
});
afterAll(() => app[Symbol.dispose]());

const queues = (...args: string[]) => platform().wranglerOk(app.directory, ["queues", ...args]);
const failing = async (...args: string[]) => {
  const { code, output } = await platform().wrangler(app.directory, ["queues", ...args]);
  expect(code).not.toBe(0);
  return output;
};

async function idOf(name: string): Promise<string> {
  const [queue] = (await platform().api.get(`/queues?name=${name}`)) as { queue_id: string }[];
  const id = ids.get(name) ?? queue?.queue_id ?? "";
  ids.set(name, id);
  return id;
}

async function send(message: Record<string, unknown>): Promise<string> {
  const reply = await platform().fetch(new URL("/", address).href, { method: "POST", body: JSON.stringify(message) });
  return reply.body;
}

async function seen(which: (one: Seen) => boolean): Promise<Seen[]> {
  const reply = await platform().fetch(new URL("/seen", address).href);
  return (reply.json() as Seen[]).filter(which);
}

const withBody = (body: unknown) => (one: Seen) => JSON.stringify(one.body) === JSON.stringify(body);
const patience = { timeout: 20_000, interval: 50 };

const settings = async (changed: Record<string, unknown>) =>
  platform().api.send("PATCH", `/queues/${await idOf("orders")}`, { settings: changed });

async function backlog(name: string): Promise<number> {
  const metrics = (await platform().api.get(`/queues/${await idOf(name)}/metrics`)) as { backlog_count: number };
  return metrics.backlog_count;
}

test("a deploy makes the queue that a producer names, and sets up the consumer with its dead letter queue", async () => {
  const output = await platform().wranglerOk(app.directory, ["deploy"]);
  address = urlPrintedBy(output);
  expect(output).toContain("Producer for orders");
  expect(output).toContain("Consumer for orders");
  const info = await queues("info", "orders");
  expect(info).toContain("Number of Producers: 1");
  expect(info).toContain("Producers: worker:queue-app");
  expect(info).toContain("Consumers: worker:queue-app");
  const list = await queues("list");
  expect(list).toMatch(/orders-dead/);
  const [consumer] = (await platform().api.get(`/queues/${await idOf("orders")}/consumers`)) as unknown[];
  expect(consumer).toMatchObject({
    type: "worker",
    script: "queue-app",
    dead_letter_queue: "orders-dead",
    settings: { batch_size: 3, max_retries: 1, max_wait_time_ms: 1000, max_concurrency: null, retry_delay: 1 },
  });
});

test("every content type arrives as it was sent, a full batch at once", async () => {
  const sent = await send({
    messages: [
      { body: { n: [1, null, "ü"] } },
      { body: "bytes", contentType: "bytes" },
      { body: "map", contentType: "v8" },
    ],
  });
  expect(JSON.parse(sent)).toMatchObject({ metadata: { metrics: { backlogCount: 3 } } });
  await expect.poll(() => seen(() => true), patience).toHaveLength(3);
  const got = await seen(() => true);
  expect(got.map(({ body }) => body)).toEqual([
    { n: [1, null, "ü"] },
    { bytes: [0, 255] },
    { map: [["a", new Date(0).toISOString()]] },
  ]);
  for (const one of got) expect(one).toMatchObject({ queue: "orders", size: 3, attempts: 1 });
  await send({ body: "text", options: { contentType: "text" } });
  await expect.poll(() => seen(withBody("text")), patience).toHaveLength(1);
  const [text] = await seen(withBody("text"));
  // Alone, it waits for others first.
  expect((text?.at ?? 0) - (text?.sent ?? 0)).toBeGreaterThanOrEqual(900);
  await expect.poll(() => backlog("orders"), patience).toBe(0);
});

test("a message that fails is tried again after its delay, then is in the dead letter queue as it was", async () => {
  await send({ body: { do: "throw", n: 1 } });
  await send({ body: { do: "ack", n: 1 } });
  await send({ body: { do: "retry", delay: 2, n: 1 } });
  await expect.poll(() => backlog("orders-dead"), patience).toBe(2);
  await expect.poll(() => backlog("orders"), patience).toBe(0);
  const attempts = async (what: string) => seen(({ body }) => (body as { do?: string } | null)?.do === what);
  const [first, second] = await attempts("retry");
  expect([first?.attempts, second?.attempts]).toEqual([1, 2]);
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(2000);
  expect((await attempts("throw")).map((one) => one.attempts)).toEqual([1, 2]);
  // Acknowledged before its batch failed.
  expect(await attempts("ack")).toHaveLength(1);

  await queues("consumer", "http", "add", "orders-dead", "--visibility-timeout-secs", "60");
  const dead = `/queues/${await idOf("orders-dead")}/messages`;
  const pulled = (await platform().api.send("POST", `${dead}/pull`, { batch_size: 10 })) as {
    messages: { id: string; timestamp_ms: number; attempts: number; body: string; lease_id: string }[];
  };
  expect(pulled.messages.map(({ id }) => id).sort()).toEqual([first?.id, (await attempts("throw"))[0]?.id].sort());
  const moved = pulled.messages.find(({ id }) => id === first?.id);
  expect(moved).toMatchObject({ timestamp_ms: first?.sent, attempts: 1 });
  expect(JSON.parse(Buffer.from(moved?.body ?? "", "base64").toString())).toEqual({ do: "retry", delay: 2, n: 1 });
  const [one, other] = pulled.messages;
  const acknowledged = await platform().api.send("POST", `${dead}/ack`, {
    acks: [{ lease_id: one?.lease_id }],
    retries: [{ lease_id: other?.lease_id, delay_seconds: 0 }],
  });
  expect(acknowledged).toMatchObject({ ackCount: 1, retryCount: 1 });
  expect(await platform().api.send("POST", `${dead}/pull`, {})).toMatchObject({
    messages: [{ id: other?.id, attempts: 2 }],
  });
});

test("delays: of a message, of the queue", async () => {
  await queues("update", "orders", "--delivery-delay-secs", "3");
  const bodies = { "by itself": 1, "by the queue": 3 };
  await send({ body: "by itself", options: { delaySeconds: 1 } });
  await send({ body: "by the queue" });
  for (const [body, delayS] of Object.entries(bodies)) {
    await expect.poll(() => seen(withBody(body)), patience).toHaveLength(1);
    const [one] = await seen(withBody(body));
    expect((one?.at ?? 0) - (one?.sent ?? 0), body).toBeGreaterThanOrEqual(1000 * delayS);
  }
  await settings({ delivery_delay: 0 });
});

test("messages over HTTP reach the Worker; a paused queue keeps them, and a purge removes them", async () => {
  await queues("pause-delivery", "orders");
  const messages = `/queues/${await idOf("orders")}/messages`;
  expect(await platform().api.send("POST", messages, { body: { over: "HTTP" } })).toMatchObject({
    metadata: { metrics: { backlog_count: 1 } },
  });
  await platform().api.send("POST", `${messages}/batch`, {
    messages: [{ body: "in a batch", content_type: "text" }, { body: 2 }],
  });
  expect(JSON.parse((await platform().fetch(new URL("/metrics", address).href)).body)).toMatchObject({
    backlogCount: 3,
  });
  await queues("resume-delivery", "orders");
  await expect.poll(() => seen(withBody({ over: "HTTP" })), patience).toHaveLength(1);
  expect(await seen(withBody("in a batch"))).toHaveLength(1);
  await settings({ delivery_paused: true });
  await send({ body: "never" });
  await queues("purge", "orders", "--force");
  await settings({ delivery_paused: false });
  expect(await backlog("orders")).toBe(0);
  expect(await seen(withBody("never"))).toEqual([]);
});

test("a producer is told what is wrong, in the original's words", async () => {
  expect(await send({ body: "x".repeat(130_000), options: { contentType: "text" } })).toContain("(10204)");
  expect(await send({ messages: Array(101).fill({ body: 1 }) })).toMatch(/10206|100/);
  expect(await send({ body: 1, options: { delaySeconds: 90_000 } })).toMatch(/delay/i);
  const messages = `/queues/${await idOf("orders")}/messages`;
  const { envelope, status } = await platform().api.call("POST", messages, { body: { body: "x".repeat(130_000) } });
  expect([status, envelope.errors[0]?.code]).toEqual([413, 10204]);
  const pull = await platform().api.call("POST", `${messages}/pull`, { body: {} });
  expect(pull.envelope.errors[0]?.message).toContain("wrangler queues consumer http add orders");
});

test("what is in use stays: a queue with a producer, a Worker that consumes", async () => {
  expect(await failing("delete", "orders")).toContain('Worker "queue-app" sends to it');
  const dead = await platform().api.call("DELETE", `/queues/${await idOf("orders-dead")}`);
  expect(dead.envelope.errors[0]?.message).toContain('dead letter queue of "orders"');
  const { envelope } = await platform().api.call("DELETE", "/workers/scripts/queue-app");
  expect(envelope.errors[0]).toMatchObject({ code: 10064, message: expect.stringContaining("orders") });
});

test("queues and consumers come and go by command", async () => {
  expect(await queues("create", "spare", "--message-retention-period-secs", "60")).toContain("Created queue 'spare'");
  const again = await platform().api.call("POST", "/queues", { body: { queue_name: "spare" } });
  expect(again.envelope.errors[0]?.code).toBe(11009);
  expect(await queues("consumer", "list", "orders-dead")).toContain("HTTP pull consumers");
  expect(await failing("consumer", "worker", "add", "orders-dead", "queue-app")).toContain("11004");
  await queues("consumer", "http", "remove", "orders-dead");
  await queues("consumer", "worker", "add", "spare", "queue-app", "--max-concurrency", "2", "--batch-timeout", "0");
  await queues("consumer", "worker", "remove", "spare", "queue-app");
  expect(await failing("subscription", "list", "spare")).toContain("Event subscriptions are not part of Freehold");
  expect(await queues("delete", "spare")).toContain("Deleted queue spare");
}, 200_000);

/** A consumer of its own queue that tells another queue when it begins, and then does `then`. */
const telling = (then: string) => `
const seen = [];
export default {
  fetch: () => Response.json(seen),
  async queue({ messages }, env) {
    for (const { attempts } of messages) {
      seen.push(attempts);
      await env.BEGUN.send(attempts);
    }
    ${then}
  },
};`;

async function deployTelling(script: string, then: string): Promise<void> {
  const bindings = [{ type: "queue", name: "BEGUN", queue_name: `${script}-begun` }];
  await platform().api.deploy(script, telling(then), { bindings });
}

async function setUpTelling(script: string, then: string): Promise<void> {
  for (const name of [script, `${script}-begun`]) await platform().api.send("POST", "/queues", { queue_name: name });
  await deployTelling(script, then);
  await platform().api.send("POST", `/queues/${await idOf(script)}/consumers`, {
    type: "worker",
    script_name: script,
    settings: { max_wait_time_ms: 0 },
  });
  await platform().api.send("POST", `/queues/${await idOf(script)}/messages`, { body: 1 });
  await expect.poll(() => backlog(`${script}-begun`), patience).toBe(1);
}

const seenBy = async (script: string) => (await platform().fetch(await platform().url(script))).json();

test("a consumer that lost its handler says so; messages wait for the next deploy", async () => {
  const mute = "export default { fetch: () => new Response('no queue') }";
  await platform().api.deploy("mute", mute);
  const { deployments } = (await platform().api.get("/workers/scripts/mute/deployments")) as {
    deployments: { versions: unknown[] }[];
  };
  await setUpTelling("mute", "");
  // An upload would take the handler away from a consumer, as a version of before does.
  await expect(platform().api.deploy("mute", mute)).rejects.toThrow("11001");
  const back = { strategy: "percentage", versions: deployments[0]?.versions };
  await platform().api.send("POST", "/workers/scripts/mute/deployments", back);
  const path = `/queues/${await idOf("mute")}`;
  await platform().api.send("POST", `${path}/messages`, { body: "waits" });
  const consumer = async () => ((await platform().api.get(`${path}/consumers`)) as { delivery_error?: string }[])[0];
  await expect
    .poll(consumer, patience)
    .toMatchObject({ delivery_error: expect.stringContaining("no queue() handler") });
  expect(await backlog("mute")).toBe(1);
  await deployTelling("mute", "");
  await expect.poll(() => backlog("mute"), patience).toBe(0);
  expect(await seenBy("mute")).toEqual([1]);
  expect((await consumer())?.delivery_error).toBeUndefined();
});

test("a deploy in the middle of a batch lets it end where it began", async () => {
  await setUpTelling("slow", "await scheduler.wait(2000);");
  await deployTelling("slow", "");
  await expect.poll(() => backlog("slow"), patience).toBe(0);
  expect(await seenBy("slow")).toEqual([]);
  expect(await backlog("slow-begun")).toBe(1);
});

test("a batch whose process dies is delivered again, with one more attempt", async () => {
  await setUpTelling("dying", "if (messages[0].attempts === 1) await scheduler.wait(60_000);");
  for (const runner of platform().runners()) killProcess(runner, "SIGKILL");
  await expect.poll(() => backlog("dying"), patience).toBe(0);
  expect(await seenBy("dying")).toEqual([2]);
});

test("with control dead, messages still move", async () => {
  const [control] = platform().role("control");
  if (!control) throw new Error("there is no control process");
  killProcess(control, "SIGSTOP");
  try {
    await send({ body: "without control" });
    await expect.poll(() => seen(withBody("without control")), patience).toHaveLength(1);
  } finally {
    killProcess(control, "SIGCONT");
  }
});
