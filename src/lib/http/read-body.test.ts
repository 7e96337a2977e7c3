/** Bodies that a handler takes as they come. */
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Exchange } from "./exchange.ts";
import { HeaderNames } from "./header-names.ts";
import { HttpServer } from "./server.ts";
import { Cleanup, RawClient } from "./testing.ts";
import { Ticker } from "./ticker.ts";

const MAX_BYTES = 5_000_000;

const cleanup = new Cleanup();
let client: RawClient;
let exchange: Exchange<undefined>;
let events: string[];
let bytes: number;
/** What the sink answers to the next bytes. */
let more: boolean;

beforeEach(async () => {
  events = [];
  bytes = 0;
  more = true;
  const server = new HttpServer<undefined>({
    names: new HeaderNames(),
    ticker: new Ticker(),
    handler: {
      opened: () => undefined,
      request(given) {
        exchange = given;
        const sink = {
          write(part: Buffer) {
            bytes += part.length;
            return more;
          },
          end() {
            events.push("end");
            given.respond(200, "", String(bytes));
            bytes = 0;
          },
          cancel: () => void events.push("lost"),
        };
        given.streamBody(sink, MAX_BYTES);
      },
      response: () => undefined,
      failed: () => {},
      refused: (given, { status, reason }) => given.respond(status, "", reason),
    },
  });
  const path = join(await cleanup.directory(), "s.sock");
  const listener = createServer({ allowHalfOpen: true }, (socket) => server.accept(socket));
  await new Promise<void>((resolve) => listener.listen(path, resolve));
  cleanup.add(() => listener.close());
  cleanup.add(() => server.destroy());
  client = new RawClient({ path });
  cleanup.add(() => client.socket.destroy());
});
afterEach(() => cleanup.run());

const head = (fields: string) => `PUT / HTTP/1.1\r\nHost: h\r\n${fields}\r\n\r\n`;
const answered = (count: number) =>
  expect.poll(() => client.received.split("HTTP/1.1 ").length - 1, { timeout: 20_000 }).toBe(count);

test("one request after the other, in any coding", async () => {
  client.send(`${head("Content-Length: 5")}hello${head("Transfer-Encoding: chunked")}3\r\nabc\r\n`);
  client.send("4\r\ndefg\r\n0\r\n\r\n");
  client.send(head("Content-Length: 0"));
  await answered(3);
  expect(client.received.match(/\r\n\r\n\d+/g)?.map((text) => text.trim())).toEqual(["5", "7", "0"]);
  expect(events).toEqual(["end", "end", "end"]);
});

test("it waits until the sink takes more", async () => {
  more = false;
  client.send(head(`Content-Length: ${MAX_BYTES}`)).send(Buffer.alloc(MAX_BYTES));
  await expect.poll(() => bytes).toBeGreaterThan(0);
  const held = bytes;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(bytes).toBe(held);
  expect(held).toBeLessThan(1_000_000);
  more = true;
  exchange.resumeBody();
  await answered(1);
  expect(client.received).toContain(String(MAX_BYTES));
});

test("a client that goes away is told of once", async () => {
  client.send(`${head("Content-Length: 50")}some`);
  await expect.poll(() => bytes).toBe(4);
  client.socket.destroy();
  await expect.poll(() => events).toEqual(["lost"]);
  exchange.resumeBody();
  expect(events).toEqual(["lost"]);
});

test("a body that is announced too long: 413, and nothing is taken", async () => {
  client.send(head(`Content-Length: ${MAX_BYTES + 1}`));
  await answered(1);
  expect(client.received).toContain("HTTP/1.1 413");
  expect([events, bytes]).toEqual([["lost"], 0]);
});

test.each([
  [
    "one that turns out to be too long: 413",
    "413",
    `${(MAX_BYTES + 10).toString(16)}\r\n`,
    Buffer.alloc(MAX_BYTES + 10),
  ],
  ["a broken coding: 400", "400", "zz\r\n", Buffer.alloc(0)],
])("%s", async (_name, status, start, rest) => {
  client.send(head("Transfer-Encoding: chunked") + start).send(rest);
  await answered(1);
  expect(client.received).toContain(`HTTP/1.1 ${status}`);
  expect(events).toEqual(["lost"]);
});

test("who waits to be asked is asked", async () => {
  client.send(head("Content-Length: 4\r\nExpect: 100-continue"));
  await expect.poll(() => client.received).toContain("100 Continue");
  client.send("body");
  await expect.poll(() => client.received).toContain("HTTP/1.1 200");
});
