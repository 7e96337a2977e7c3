/** A request's body handed on part by part. */
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { BodySink, Exchange } from "./exchange.ts";
import { HeaderNames } from "./header-names.ts";
import { HttpServer } from "./server.ts";
import { Cleanup, RawClient } from "./testing.ts";
import { Ticker } from "./ticker.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Keeps what comes, takes no more while `full`, and answers at the end with the number of bytes. */
class Sink implements BodySink {
  readonly exchange: Exchange<undefined>;
  bytes = 0;
  full = false;
  events: string[] = [];

  constructor(exchange: Exchange<undefined>) {
    this.exchange = exchange;
  }

  write(bytes: Buffer): boolean {
    this.bytes += bytes.length;
    return !this.full;
  }

  end(): void {
    this.events.push("end");
    this.exchange.respond(200, "", String(this.bytes), "Taken");
  }

  cancel(): void {
    this.events.push("cancel");
  }
}

async function setup(full = false) {
  const path = join(await cleanup.directory(), "s.sock");
  const sinks: Sink[] = [];
  const server = new HttpServer<undefined>({
    names: new HeaderNames(),
    ticker: new Ticker(),
    handler: {
      opened: () => undefined,
      request(exchange) {
        const sink = new Sink(exchange);
        sink.full = full;
        sinks.push(sink);
        exchange.streamBody(sink);
      },
      response: () => undefined,
      failed: (exchange) => exchange.respond(502, "", ""),
      refused: (exchange, { status }) => exchange.respond(status, "", ""),
    },
  });
  const listener = createServer({ allowHalfOpen: true }, (socket) => server.accept(socket));
  await new Promise<void>((resolve) => listener.listen(path, resolve));
  cleanup.add(() => {
    server.destroy();
    listener.close();
  });
  const client = new RawClient({ path });
  cleanup.add(() => client.socket.destroy());
  return { client, sinks };
}

const PUT = "PUT / HTTP/1.1\r\nHost: a\r\n";

test("bodies of known and unknown length, and none, one after the other on a connection", async () => {
  const { client, sinks } = await setup();
  client.send(
    `${PUT}Content-Length: 5\r\n\r\nhello${PUT}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n`,
  );
  client.send(`${PUT}\r\n`);
  await expect.poll(() => client.received.match(/HTTP\/1\.1 200 Taken/g)?.length).toBe(3);
  expect(sinks.map(({ bytes, events }) => [bytes, events])).toEqual([
    [5, ["end"]],
    [7, ["end"]],
    [0, ["end"]],
  ]);
});

test("a sink that is full stops the client, and gets all when it goes on", async () => {
  const { client, sinks } = await setup(true);
  const size = 20_000_000;
  client.send(`${PUT}Content-Length: ${size}\r\n\r\n`);
  client.socket.write(Buffer.alloc(size, "x"));
  await expect.poll(() => sinks[0]?.bytes ?? 0).toBeGreaterThan(0);
  const [sink] = sinks;
  if (!sink) throw new Error("nothing came");
  await expect
    .poll(async () => {
      const before = sink.bytes;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return sink.bytes - before;
    })
    .toBe(0);
  expect(sink.bytes).toBeLessThan(1_000_000);
  sink.full = false;
  sink.exchange.resumeBody();
  await expect.poll(() => client.received).toContain("200 Taken");
  expect(client.received).toContain(String(size));
});

test("a client that goes away, or sends nonsense, cancels the sink once", async () => {
  const gone = await setup();
  gone.client.send(`${PUT}Content-Length: 10\r\n\r\nhalf`);
  await expect.poll(() => gone.sinks[0]?.bytes).toBe(4);
  gone.client.socket.destroy();
  await expect.poll(() => gone.sinks[0]?.events).toEqual(["cancel"]);
  const broken = await setup();
  broken.client.send(`${PUT}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzzz\r\n`);
  await expect.poll(() => broken.client.received).toContain("HTTP/1.1 400");
  expect(broken.sinks[0]?.events).toEqual(["cancel"]);
});

test("an answer before the end of the body ends the connection after it", async () => {
  const { client, sinks } = await setup();
  client.send(`${PUT}Content-Length: 10\r\n\r\nhalf`);
  await expect.poll(() => sinks[0]?.bytes).toBe(4);
  sinks[0]?.exchange.respond(413, "", "too large", "Value too large");
  await expect.poll(() => client.ended).toBe(true);
  expect(client.received).toMatch(/^HTTP\/1\.1 413 Value too large\r\n[\s\S]*Connection: close[\s\S]*too large$/);
  expect(sinks[0]?.events).toEqual(["cancel"]);
});
