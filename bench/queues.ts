import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { cpuMsOf, platformPids } from "./call-cost.ts";
import { startWranglerDev } from "./d1-baselines.ts";
import { type Bench, type Figure, round } from "./lib.ts";

const messages = 50_000;
/** Messages of one `sendBatch`, and of a batch of the consumer. */
const batch = 100;
/** Requests at once, each of which sends so many batches in turn. */
const parallel = 8;
const batchesARequest = 10;

const worker = `
let consumed = 0;
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/consumed") return new Response(String(consumed));
    for (let sent = 0; sent < ${batchesARequest}; sent++) {
      await env.QUEUE.sendBatch(Array.from({ length: ${batch} }, (_, index) => ({ body: { order: index, text: "x".repeat(80) } })));
    }
    return new Response("done");
  },
  queue(batch) {
    consumed += batch.messages.length;
  },
};`;

type Ask = (path: string) => Promise<string>;

export const queues: Bench = {
  name: "queues",
  conditions: `${messages} messages of 100 bytes of JSON from sendBatch to the consumer, in batches of ${batch}, ${parallel} producers at once; on disk before each send resolves`,
  async run() {
    using dev = await startWranglerDev(worker, {
      queues: {
        producers: [{ binding: "QUEUE", queue: "orders" }],
        consumers: [{ queue: "orders", max_batch_size: batch, max_batch_timeout: 1 }],
      },
    });
    await using platform = await startPlatform();
    await setUp(platform);
    const root = await platform.url("app", "");
    const ours = await measure(
      async (path) => (await platform.fetch(root + path, { timeoutMs: 60_000 })).body,
      () => platformPids(platform),
    );
    const theirs = await measure(
      async (path) => (await fetch(`http://127.0.0.1:${dev.port}${path}`)).text(),
      () => dev.pids(),
    );
    const figures: Figure[] = [
      {
        what: "time a message, through to the consumer",
        value: 1000 * ours.msPerMessage,
        unit: "µs",
        // 5,000 messages a second.
        goal: 200,
        baseline: `${dev.name}, in memory: ${round(1000 * theirs.msPerMessage)} µs`,
      },
      {
        what: "messages a second",
        value: 1000 / ours.msPerMessage,
        unit: "/s",
        baseline: `${round(1000 / theirs.msPerMessage)} /s`,
      },
      {
        what: "CPU a message, all processes",
        value: 1000 * ours.cpuMsPerMessage,
        unit: "µs",
        baseline: `${round(1000 * theirs.cpuMsPerMessage)} µs`,
      },
    ];
    return figures;
  },
};

async function setUp({ api }: Platform): Promise<void> {
  const { queue_id } = (await api.send("POST", "/queues", { queue_name: "orders" })) as { queue_id: string };
  await api.deploy("app", worker, { bindings: [{ type: "queue", name: "QUEUE", queue_name: "orders" }] });
  await api.send("POST", `/queues/${queue_id}/consumers`, {
    type: "worker",
    script_name: "app",
    settings: { batch_size: batch, max_wait_time_ms: 1000 },
  });
}

/** From the first send until the consumer has had the last message. */
async function measure(ask: Ask, pids: () => number[]): Promise<{ msPerMessage: number; cpuMsPerMessage: number }> {
  await move(ask, batch * batchesARequest);
  const processes = pids();
  const cpuMs = cpuMsOf(processes);
  const startedAt = performance.now();
  await move(ask, messages);
  return {
    msPerMessage: (performance.now() - startedAt) / messages,
    cpuMsPerMessage: (cpuMsOf(processes) - cpuMs) / messages,
  };
}

async function move(ask: Ask, count: number): Promise<void> {
  const goal = Number(await ask("/consumed")) + count;
  let left = count / (batch * batchesARequest);
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (left-- > 0) {
        const answer = await ask("/send");
        if (answer !== "done") throw new Error(`the Worker answered ${answer.slice(0, 200)}`);
      }
    }),
  );
  while (Number(await ask("/consumed")) < goal) await new Promise((resolve) => setTimeout(resolve, 10));
}
