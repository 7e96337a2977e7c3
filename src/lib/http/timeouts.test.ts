import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { httpLimits } from "./limits.ts";
import { Cleanup, RawClient, rawUpstream, startProxy, type TestProxy } from "./testing.ts";

/** Slow and overlong clients. Time moves only by `advance`. */
const cleanup = new Cleanup();
let proxy: TestProxy;
let upstreamReceived: string;

beforeEach(async () => {
  const path = join(await cleanup.directory(), "up.sock");
  upstreamReceived = "";
  await rawUpstream(cleanup, path, (socket) => {
    socket.on("data", (chunk) => {
      upstreamReceived += chunk.toString("latin1");
      if (/^GET/.test(chunk.toString("latin1"))) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    socket.on("end", () => socket.end());
  });
  proxy = await startProxy(cleanup, path, { maxBodyBytes: 1000 });
});

afterEach(() => cleanup.run());

function client(): RawClient {
  const raw = new RawClient({ port: proxy.port });
  cleanup.add(() => raw.socket.destroy());
  return raw;
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async function connected(): Promise<RawClient> {
  const raw = client();
  await expect.poll(() => proxy.server.connectionCount).toBe(1);
  return raw;
}

describe("time", () => {
  test("a connection without a request is closed", async () => {
    const raw = await connected();
    proxy.advance(httpLimits.headTimeoutMs - 1);
    expect(raw.ended).toBe(false);
    proxy.advance(1);
    expect(await raw.toEnd()).toBe("");
  });

  test("a head that does not end gets 408, however often a byte comes", async () => {
    const raw = await connected();
    await raw.send(GET).has("ok");
    let seconds = 0;
    raw.send("GET / HTTP/1.1\r\n");
    await expect
      .poll(
        () => {
          if (raw.ended) return true;
          raw.send("X");
          proxy.advance(1000);
          seconds++;
          return false;
        },
        { interval: 5, timeout: 20_000 },
      )
      .toBe(true);
    expect(raw.received).toContain("HTTP/1.1 408 ");
    expect(seconds).toBeGreaterThanOrEqual(httpLimits.headTimeoutMs / 1000);
    expect(seconds).toBeLessThan(httpLimits.keepAliveMs / 1000);
  });

  test("a connection may idle between requests, but not for ever", async () => {
    const raw = await connected();
    await raw.send(GET).has("ok");
    proxy.advance(httpLimits.keepAliveMs - 1);
    await raw.send(GET).has("ok", 2);
    proxy.advance(httpLimits.keepAliveMs);
    await raw.toEnd();
    expect(raw.received).not.toContain("408");
  });

  test("a body without progress gets 408; the upstream is let go", async () => {
    const raw = (await connected()).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    await expect.poll(() => upstreamReceived).toContain("abc");
    proxy.advance(httpLimits.bodyStallMs - 1);
    raw.send("d");
    await expect.poll(() => upstreamReceived).toContain("abcd");
    proxy.advance(httpLimits.bodyStallMs - 1);
    expect(raw.ended).toBe(false);
    proxy.advance(1);
    expect(await raw.toEnd()).toMatch(/^HTTP\/1.1 408 /);
    expect(proxy.pool.inFlight).toBe(0);
  });

  test("a response may take as long as the Worker likes", async () => {
    const raw = (await connected()).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    await expect.poll(() => upstreamReceived).toContain("abc");
    proxy.advance(3_600_000);
    expect(raw.ended).toBe(false);
    expect(proxy.pool.inFlight).toBe(1);
  });

  test("a client that ignores the end of the connection is cut off", async () => {
    const raw = await connected();
    await raw.send("GARBAGE\r\n\r\n").toEnd();
    expect(raw.closed).toBe(false);
    // Our side has finished writing: from now on the client has a moment to finish, too.
    await expect.poll(() => proxy.server.connectionCount).toBe(1);
    await expect
      .poll(() => {
        proxy.advance(httpLimits.lingerMs);
        return proxy.server.connectionCount;
      })
      .toBe(0);
  });

  test("idle upstream connections are closed in time", async () => {
    const raw = await connected();
    await raw.send(GET).has("ok");
    proxy.advance(9_999);
    await raw.send(GET).has("ok", 2);
    expect(upstreamReceived.match(/GET/g)).toHaveLength(2);
    const taken = proxy.pool.take();
    expect(taken.used).toBe(true);
    taken.abandon();
    await raw.send(GET).has("ok", 3);
    proxy.advance(10_000);
    expect(proxy.pool.take().used).toBe(false);
  });
});

describe("size", () => {
  const long = "x".repeat(200 * 1024);
  test.each([
    ["URL", `GET /${long} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ["URL, just over", `GET /${"x".repeat(16 * 1024)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ["head", `GET / HTTP/1.1\r\nHost: a\r\nX: ${long}\r\n\r\n`, 431],
    ["head, just over", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(128 * 1024 - 30)}\r\n\r\n`, 431],
    ["announced body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413],
    ["chunked body", `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n${"x".repeat(1001)}`, 413],
    ["malformed body", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400],
  ])("%s", async (_name, text, status) => {
    const raw = client().send(text);
    expect(await raw.toEnd()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(raw.received).toContain("Connection: close");
    expect(proxy.pool.inFlight).toBe(0);
  });

  test("what is just small enough passes", async () => {
    const raw = client();
    await raw.send(`GET /${"x".repeat(16 * 1024 - 1)} HTTP/1.1\r\nHost: a\r\n\r\n`).has("ok");
    await raw.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(127 * 1024)}\r\n\r\n`).has("ok", 2);
  });
});
