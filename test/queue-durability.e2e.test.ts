/** Messages move from producer to consumer while the broker and control are killed again and again: none is lost. */
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { killProcess } from "./harness/platform.ts";
import { usePlatform } from "./harness/suite.ts";

/** The longer run: `FREEHOLD_TEST_QUEUE_MESSAGES=100000`. */
const total = Number(process.env.FREEHOLD_TEST_QUEUE_MESSAGES ?? 5_000);
const batch = 100;
const producers = 4;
const kills = Math.max(6, Math.floor(total / 5_000));

const source = `
/** Message to the attempts with which it came, and number to how many messages with it came. */
const deliveries = new Map();
const numbers = new Map();
let disordered = 0;

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/report") {
      const total = Number(searchParams.get("total"));
      let missing = 0;
      for (let n = 0; n < total; n++) if (!numbers.has(n)) missing++;
      let redelivered = 0;
      for (const attempts of deliveries.values()) redelivered += attempts.length - 1;
      return Response.json({ missing, messages: deliveries.size, redelivered, disordered });
    }
    const from = Number(searchParams.get("from"));
    await env.QUEUE.sendBatch(Array.from({ length: ${batch} }, (_, index) => ({ body: from + index })));
    return new Response("sent");
  },
  async queue({ messages }) {
    for (const { id, attempts, body } of messages) {
      const known = deliveries.get(id) ?? [];
      if (known.length > 0 && known.at(-1) >= attempts) disordered++;
      deliveries.set(id, [...known, attempts]);
      numbers.set(body, (numbers.get(body) ?? 0) + 1);
    }
    // So that some are under way whenever a process is killed.
    await scheduler.wait(50);
  },
};`;

interface Report {
  missing: number;
  messages: number;
  redelivered: number;
  disordered: number;
}

const platform = usePlatform();
let address: string;
let queue: string;

let tries = 0;

/** A queue and a Worker for each try: what an earlier one left behind is none of its messages. */
async function setUp(): Promise<void> {
  const { api } = platform();
  const [queue_name, script] = [`numbers-${++tries}`, `mover-${tries}`];
  const { queue_id } = (await api.send("POST", "/queues", { queue_name })) as { queue_id: string };
  queue = `/queues/${queue_id}`;
  await api.deploy(script, source, { bindings: [{ type: "queue", name: "QUEUE", queue_name }] });
  await api.send("POST", `${queue}/consumers`, {
    type: "worker",
    script_name: script,
    // Every kill costs what is under way a delivery; none may run out of them.
    settings: { batch_size: batch, max_wait_time_ms: 100, max_retries: 100 },
  });
  address = await platform().url(script, "");
}

async function ask(path: string): Promise<string | undefined> {
  try {
    const reply = await platform().fetch(address + path, { timeoutMs: 10_000 });
    return reply.status === 200 ? reply.body : undefined;
  } catch {
    return undefined;
  }
}

test(`${total} messages, with kill -9 of services and control in the middle`, { timeout: 1_200_000 }, async () => {
  await setUp();
  let next = 0;
  let repeated = 0;
  let killed = 0;
  /** Kills one of the two, or both at once, whenever so many more messages were begun. */
  const killWhenDue = () => {
    if (next < ((killed + 1) * total) / (kills + 1)) return;
    const roles = killed % 3 === 2 ? ["services", "control"] : [killed % 3 === 1 ? "control" : "services"];
    for (const victim of roles.flatMap((role) => platform().role(role))) killProcess(victim, "SIGKILL");
    killed++;
  };
  const produce = async () => {
    while (next < total) {
      const from = next;
      next += batch;
      killWhenDue();
      // What was not acknowledged may be stored all the same: it is sent again, so that its numbers come twice.
      while ((await ask(`/send?from=${from}`)) !== "sent") {
        repeated++;
        await delay(50);
      }
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: producers }, produce));
  const backlog = async () => {
    const reply = await platform()
      .api.call("GET", `${queue}/metrics`)
      .catch(() => undefined);
    return (reply?.envelope.result as { backlog_count?: number } | undefined)?.backlog_count ?? Number.NaN;
  };
  await expect.poll(backlog, { timeout: 600_000, interval: 200 }).toBe(0);
  const reply = await platform().fetch(`${address}/report?total=${total}`);
  const report = reply.json() as Report;
  const { missing, messages, redelivered, disordered } = report;
  console.log(
    `queues: ${total} messages in ${Math.round(performance.now() - startedAt)} ms with ${killed} kills: ${missing} lost, ` +
      `${redelivered} delivered again, ${messages - total} sent again by the producer after ${repeated} unanswered batches`,
  );
  expect(killed).toBeGreaterThanOrEqual(kills);
  expect({ missing, disordered }).toEqual({ missing: 0, disordered: 0 });
  expect(messages - total).toBeLessThanOrEqual(repeated * batch);
});
