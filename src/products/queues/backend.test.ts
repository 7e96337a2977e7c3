/** The binding's wire over a real socket. */
import { request } from "node:http";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HeaderNames } from "../../lib/http/header-names.ts";
import { HttpServer } from "../../lib/http/server.ts";
import { Ticker } from "../../lib/http/ticker.ts";
import { serveQueue } from "./backend.ts";
import { ACCOUNT, QUEUE, queueRecord, TestBroker } from "./testing.ts";
import { DELAY_HEADER, FORMAT_HEADER } from "./wire.ts";

const names = new HeaderNames([FORMAT_HEADER, DELAY_HEADER]);

let broker: TestBroker;
let listener: Server;
let server: HttpServer<undefined>;
let binding: { queueId: string; deliveryDelayS?: number };

beforeEach(async () => {
  broker = new TestBroker([queueRecord({ deliveryDelayS: 60 })]);
  binding = { queueId: QUEUE };
  server = new HttpServer({
    names,
    ticker: new Ticker(),
    handler: {
      opened: () => undefined,
      request: (exchange, head) => {
        const [format, delay] = [FORMAT_HEADER, DELAY_HEADER].map((name) => head.get(names.id(name)));
        serveQueue(broker.queues, { exchange, target: head.target, format, delay, accountId: ACCOUNT, binding });
      },
      response: () => undefined,
      failed: (exchange) => exchange.respond(502, "", ""),
      refused: (exchange, { status, reason }) => exchange.respond(status, "", reason),
    },
  });
  listener = createServer({ allowHalfOpen: true }, (socket) => server.accept(socket));
  await new Promise<void>((resolve) => listener.listen(join(broker.root, "socket"), resolve));
});

afterEach(async () => {
  server.destroy();
  listener.close();
  await broker.end();
});

function post(path: string, body: string | Buffer, headers: Record<string, string> = {}) {
  const outgoing = request({ socketPath: join(broker.root, "socket"), method: "POST", path, agent: false, headers });
  const reply = new Promise<{ status: number; reason: string; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      outgoing.on("error", reject);
      outgoing.on("response", async (incoming) => {
        const { statusCode = 0, statusMessage = "" } = incoming;
        resolve({ status: statusCode, reason: statusMessage, headers: incoming.headers, body: await text(incoming) });
      });
    },
  );
  outgoing.end(body);
  return reply;
}

/** Seconds until the first message may be delivered. */
async function delay(): Promise<number | undefined> {
  const queue = await broker.queues.find(ACCOUNT, QUEUE);
  const nextMs = await queue.nextVisibleMs(Date.now());
  return nextMs === undefined ? undefined : Math.round((nextMs - Date.now()) / 1000);
}

test("a message's own delay goes before its binding's, and that before its queue's", async () => {
  expect((await post("/message", "a")).status).toBe(200);
  expect(await delay()).toBe(60);
  binding = { queueId: QUEUE, deliveryDelayS: 30 };
  await post("/message", "b");
  expect(await delay()).toBe(30);
  await post("/message", "c", { [DELAY_HEADER]: "10" });
  expect(await delay()).toBe(10);
  const messages = [{ body: "ZA==", delaySecs: 5 }, { body: "ZQ==" }];
  await post("/batch", JSON.stringify({ messages }), { [DELAY_HEADER]: "20" });
  expect(await delay()).toBe(5);
});

test("the answer has the backlog, as the metrics have", async () => {
  const { body } = await post("/message", "abc", { [FORMAT_HEADER]: "text" });
  const { metadata } = JSON.parse(body) as { metadata: { metrics: Record<string, number> } };
  expect(metadata.metrics).toMatchObject({ backlogCount: 1, backlogBytes: 3 });
  expect(JSON.parse((await post("/metrics", "")).body)).toEqual(metadata.metrics);
});

test("a refusal is in the status line and in the fields that the runtime reads", async () => {
  const refused = await post("/message", Buffer.alloc(128_001));
  expect(refused).toMatchObject({
    status: 413,
    reason: "message length of 128001 bytes exceeds limit of 128000",
    headers: { "cf-queues-error-code": "10204", "cf-queues-error-cause": expect.stringContaining("128001") },
  });
  binding = { queueId: "f".repeat(32) };
  expect(await post("/message", "a")).toMatchObject({ status: 404, headers: { "cf-queues-error-code": "10104" } });
  expect(await post("/other", "a")).toMatchObject({ status: 404 });
});
