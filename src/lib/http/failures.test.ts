import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Failures } from "./failures.ts";
import { HeaderNames } from "./header-names.ts";
import { HttpServer } from "./server.ts";
import { Cleanup, RawClient } from "./testing.ts";
import { Ticker } from "./ticker.ts";

const cleanup = new Cleanup();
let told: unknown[][];
beforeEach(() => {
  told = [];
  vi.spyOn(console, "error").mockImplementation((...words) => void told.push(words));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await cleanup.run();
});

test("errors are told of now and then", () => {
  const ticker = { nowMs: 0 };
  const failures = new Failures(ticker);
  for (const nowMs of [0, 1, 9_999, 10_000, 10_001]) {
    ticker.nowMs = nowMs;
    failures.tell(new Error(`at ${nowMs}`));
  }
  expect(told).toEqual([
    ["A request could not be served:", new Error("at 0")],
    ["A request could not be served (and 2 others before):", new Error("at 10000")],
  ]);
});

test("what a handler cannot bear costs its connection, and the others go on", async () => {
  const boom = () => {
    throw new Error("boom");
  };
  const server = new HttpServer<undefined>({
    names: new HeaderNames(),
    ticker: new Ticker(),
    handler: {
      opened: () => undefined,
      request(exchange, { target }) {
        if (target === "/head") boom();
        else if (target === "/body") exchange.takeBody(100, boom);
        else if (target === "/part") exchange.streamBody({ write: boom, end() {}, cancel() {} });
        else exchange.respond(200, "", "fine");
      },
      response: () => undefined,
      failed() {},
      refused() {},
    },
  });
  const path = join(await cleanup.directory(), "s");
  const listener = createServer({ allowHalfOpen: true }, (socket) => server.accept(socket)).listen(path);
  cleanup.add(() => {
    listener.close();
    server.destroy();
  });
  const good = new RawClient({ path });
  cleanup.add(() => good.socket.destroy());
  for (const target of ["/head", "/body", "/part"]) {
    const bad = new RawClient({ path });
    // The body comes with the head, and after it.
    bad.send(`POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab`);
    expect(await bad.send("cd").toEnd()).toBe("");
    good.received = "";
    await good.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").has("fine");
  }
  expect(told).toHaveLength(1);
});
