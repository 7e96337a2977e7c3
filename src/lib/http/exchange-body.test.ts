/** A request's body, iterated. */
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { Exchange } from "./exchange.ts";
import { requestBody } from "./exchange-body.ts";
import { HeaderNames } from "./header-names.ts";
import { HttpServer } from "./server.ts";
import { Cleanup, RawClient } from "./testing.ts";
import { Ticker } from "./ticker.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

async function setup(serve: (exchange: Exchange<undefined>) => Promise<void>) {
  const path = join(await cleanup.directory(), "s.sock");
  const server = new HttpServer<undefined>({
    names: new HeaderNames(),
    ticker: new Ticker(),
    handler: {
      opened: () => undefined,
      request: (exchange) => void serve(exchange),
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
  return client;
}

const PUT = "PUT / HTTP/1.1\r\nHost: a\r\n";

test("a large body comes whole to a slow reader, who asks for it when it is ready", async () => {
  const client = await setup(async (exchange) => {
    await new Promise((resolve) => setImmediate(resolve));
    let bytes = 0;
    let turn = 0;
    for await (const part of requestBody(exchange, 1e9)) {
      bytes += part.length;
      if (turn++ % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    exchange.respond(200, "", String(bytes), "Taken");
  });
  const size = 20_000_000;
  client.send(`${PUT}Content-Length: ${size}\r\nExpect: 100-continue\r\n\r\n`);
  await client.has("100 Continue\r\n\r\n");
  client.socket.write(Buffer.alloc(size));
  client.send(`${PUT}\r\n`);
  await client.has("\r\n\r\n0");
  expect(client.received).toMatch(new RegExp(`Taken[^]*\r\n\r\n${size}HTTP/1.1 200 Taken[^]*\r\n\r\n0$`));
});

test("a body that breaks off, and one that is too long, end the iteration", async () => {
  const ends: string[] = [];
  const serve = async (exchange: Exchange<undefined>) => {
    try {
      for await (const _ of requestBody(exchange, 10));
      ends.push("whole");
    } catch (error) {
      ends.push((error as Error).name);
    }
  };
  const broken = await setup(serve);
  broken.send(`${PUT}Content-Length: 10\r\n\r\nhello`);
  broken.socket.destroySoon();
  await expect.poll(() => ends).toEqual(["BodyLost"]);
  const long = await setup(serve);
  long.send(`${PUT}Content-Length: 11\r\n\r\nhello`);
  await expect.poll(() => ends).toEqual(["BodyLost", "BodyLost"]);
  expect(long.received).toContain("413");
});
