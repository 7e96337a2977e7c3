import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { httpLimits } from "./limits.ts";
import { Cleanup, RawClient, rawUpstream, startProxy, type TestProxy } from "./testing.ts";

/** Behaviour of the whole engine between a real socket and a real `node:http` server on a unix socket. */
const cleanup = new Cleanup();
let path: string;
let proxy: TestProxy;
let seen: string[];

beforeEach(async () => {
  path = join(await cleanup.directory(), "up.sock");
  seen = [];
  const upstream = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    if (request.url === "/headers") response.end(JSON.stringify(request.rawHeaders), "latin1");
    else if (request.url === "/echo") request.pipe(response);
    else if (request.url === "/empty") response.writeHead(204).end();
    else if (request.url === "/cached") response.writeHead(304, { etag: '"x"' }).end();
    else if (request.url === "/early") response.writeHead(413).end("no");
    else if (request.url === "/stream") {
      response.write("one");
      setImmediate(() => response.end("two"));
    } else collect(request).then((body) => response.end(`${request.method} ${body}`));
  });
  await new Promise<void>((resolve) => upstream.listen(path, resolve));
  cleanup.add(() => {
    upstream.closeAllConnections();
    upstream.close();
  });
  proxy = await startProxy(cleanup, path);
});

afterEach(() => cleanup.run());

async function collect(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}

function client(): RawClient {
  const raw = new RawClient({ port: proxy.port });
  cleanup.add(() => raw.socket.destroy());
  return raw;
}

/** Body of the only response received. */
function bodyOf(text: string): string {
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}

const GET = (target: string, fields = "") => `GET ${target} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`;

describe("requests and responses", () => {
  test("requests follow each other on one connection, at both ends", async () => {
    const raw = client();
    await raw.send(GET("/a")).has("GET ");
    await raw.send(GET("/b")).has("GET ", 2);
    expect(seen).toEqual(["GET /a", "GET /b"]);
    expect(proxy.pool.inFlight).toBe(0);
    expect(raw.received).not.toMatch(/connection:/i);
  });

  test("pipelined requests are answered in order", async () => {
    const raw = client();
    const post = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    const chunked = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n";
    raw.send(GET("/1") + post + chunked + GET("/2", "Connection: close\r\n"));
    const text = await raw.toEnd();
    expect(seen).toEqual(["GET /1", "POST /p", "POST /c", "GET /2"]);
    expect(text.split("HTTP/1.1 200 OK").map((part) => bodyOf(part))).toEqual([
      "",
      "GET ",
      "POST abc",
      "POST de",
      "GET ",
    ]);
  });

  test("far more pipelined requests than are read ahead are all answered", async () => {
    const raw = client();
    raw.send(GET("/a", `X-Filler: ${"x".repeat(500)}\r\n`).repeat(1000));
    await raw.has("\r\n\r\nGET ", 1000);
    expect(seen).toHaveLength(1000);
  });

  test("a request may come byte by byte", async () => {
    const raw = client();
    for (const byte of "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi") {
      raw.send(byte);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(bodyOf(await raw.has("hi"))).toBe("POST hi");
  });

  test("hop-by-hop, nominated and dropped headers stay behind; others pass unchanged", async () => {
    const raw = client();
    const fields =
      "X-Secret: 1\r\nConnection: keep-alive, x-private\r\nX-Private: 2\r\nKeep-Alive: 5\r\nTE: trailers\r\n" +
      "Proxy-Authorization: x\r\nUpgrade: h2c\r\nX-Kept: caf\xe9\r\n";
    const body = bodyOf(await raw.send(GET("/headers", fields)).has("]"));
    expect(JSON.parse(body)).toEqual(["Host", "a.test", "X-Kept", "caf\xe9", "Via", "test"]);
  });

  test("an absolute target is turned into a path, with its own host", async () => {
    const raw = client();
    raw.send("GET http://A.test:80/headers HTTP/1.1\r\nHost: a.test:80\r\nX: 1\r\n\r\n");
    expect(JSON.parse(bodyOf(await raw.has("]")))).toEqual(["Host", "A.test:80", "X", "1", "Via", "test"]);
  });

  test("HEAD, 204 and 304 have no body, and the connection goes on", async () => {
    const raw = client();
    raw.send(`HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n${GET("/empty")}${GET("/cached")}${GET("/last")}`);
    const text = await raw.has("\r\n\r\nGET ");
    expect(text.match(/HTTP\/1.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 204", "HTTP/1.1 304", "HTTP/1.1 200"]);
    expect(text.match(/\r\n\r\n/g)).toHaveLength(4);
  });

  test("an HTTP/1.0 client gets plain bytes until the end", async () => {
    const raw = client().send("GET /stream HTTP/1.0\r\n\r\n");
    const text = await raw.toEnd();
    expect(text).toContain("Connection: close");
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(bodyOf(text)).toBe("onetwo");
  });

  test("an HTTP/1.0 client may keep the connection when the length is known", async () => {
    const raw = client();
    await raw.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").has("GET ");
    expect(raw.received).toContain("Connection: keep-alive");
    await raw.send("GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").has("GET ", 2);
  });

  test("an HTTP/1.1 client gets a chunked response as it came", async () => {
    const text = await client().send(GET("/stream")).has("0\r\n\r\n");
    expect(text).toContain("Transfer-Encoding: chunked");
    expect(bodyOf(text)).toBe("3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
  });

  test("100-continue comes from the upstream", async () => {
    const raw = client();
    raw.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    await raw.has("HTTP/1.1 100 Continue\r\n\r\n");
    await raw.send("body").has("POST body");
  });

  test("an early answer reaches a client that still sends, and closes", async () => {
    const raw = client();
    raw.send(`POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n${"x".repeat(100_000)}`);
    const text = await raw.toEnd();
    expect(text).toMatch(/^HTTP\/1.1 413 /);
    expect(bodyOf(text)).toContain("no");
  });

  test("after an early answer the rest of a body of moderate length is read over, and the next request answered", async () => {
    const raw = client();
    const half = "x".repeat(200_000);
    await raw.send(`POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n${half}`).has("no");
    await raw.send(`${half}${GET("/next")}`).has("GET ");
    const chunk = `30d40\r\n${half}\r\n`;
    await raw.send(`POST /early HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`).has("no", 2);
    await raw.send(`${chunk}0\r\n\r\n${GET("/last")}`).has("GET ", 2);
    expect(raw.received).not.toMatch(/connection:/i);
    expect(seen).toEqual(["POST /early", "GET /next", "POST /early", "GET /last"]);
  });

  test.each([
    ["too long", "10\r\n0123456789abcdef\r\n".repeat(10_000), { discardBytes: 100_000 }],
    ["not well chunked", "zz\r\n", {}],
  ])("a body that goes on after its answer and is %s ends the connection", async (_, rest, limits) => {
    proxy = await startProxy(cleanup, path, { limits });
    const raw = client();
    await raw.send("POST /early HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").has("no");
    await raw.send(`${rest}${GET("/next")}`).toEnd();
    expect(seen).toEqual(["POST /early"]);
  });

  test("content passes both ways unharmed", async () => {
    const content = Buffer.alloc(3_000_000, "0123456789abcdef");
    const raw = client();
    raw.send(`POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${content.length}\r\n\r\n`);
    raw.send(content);
    const text = bodyOf(await raw.toEnd());
    let joined = "";
    for (let at = 0; at < text.length; ) {
      const line = text.indexOf("\r\n", at);
      const size = Number.parseInt(text.slice(at, line), 16);
      joined += text.slice(line + 2, line + 2 + size);
      at = line + 2 + size + 2;
    }
    expect(joined.length).toBe(content.length);
    expect(Buffer.from(joined, "latin1").equals(content)).toBe(true);
  });
});

describe("lost upstreams", () => {
  test("an idle connection that the upstream has just closed costs a GET nothing, a POST is not repeated", async () => {
    const own = join(await cleanup.directory(), "up.sock");
    let connections = 0;
    await rawUpstream(cleanup, own, (socket) => {
      const first = ++connections === 1;
      let requests = 0;
      socket.on("data", () => {
        if (first && ++requests === 2) socket.destroy();
        else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      });
    });
    proxy = await startProxy(cleanup, own);
    const raw = client();
    await raw.send(GET("/1")).has("ok");
    await raw.send(GET("/2")).has("ok", 2);
    expect(connections).toBe(2);
    expect(proxy.events).toEqual([]);

    connections = 0;
    proxy.pool.close();
    proxy = await startProxy(cleanup, own);
    const poster = client();
    await poster.send(GET("/1")).has("ok");
    await poster.send("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").has("502");
    expect(connections).toBe(1);
    expect(proxy.events).toEqual(["lost"]);
  });

  test("an answer counts even when the server closes without reading the body", async () => {
    const own = join(await cleanup.directory(), "up.sock");
    await rawUpstream(cleanup, own, (socket) => {
      socket.once("data", () => {
        socket.pause();
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", () => socket.destroy());
      });
    });
    proxy = await startProxy(cleanup, own);
    for (let round = 0; round < 20; round++) {
      const raw = client();
      raw.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n${"x".repeat(2_000_000)}`);
      expect(await raw.toEnd()).toContain("200 OK");
    }
    expect(proxy.events).toEqual([]);
    expect(proxy.pool.inFlight).toBe(0);
  });

  test("a connection whose request took several writes rests before it serves again", async () => {
    const own = join(await cleanup.directory(), "up.sock");
    let connections = 0;
    await rawUpstream(cleanup, own, (socket) => {
      connections++;
      socket.on("data", (chunk: Buffer) => {
        if (/(hello|\r\n\r\n)$/.test(chunk.toString())) {
          if (!/Length: 5\r\n.*\r\n\r\n$/s.test(chunk.toString()))
            socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
      });
    });
    proxy = await startProxy(cleanup, own);
    const raw = client();
    const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    await raw.send(`${post}hello`).has("ok");
    await raw.send(`${post}hello`).has("ok", 2);
    expect(connections).toBe(1);
    raw.send(post);
    await expect.poll(() => proxy.pool.inFlight).toBe(1);
    await raw.send("hello").has("ok", 3);
    await raw.send(GET("/")).has("ok", 4);
    expect(connections).toBe(2);
    proxy.advance(20);
    const other = client();
    raw.send(post);
    await expect.poll(() => proxy.pool.inFlight).toBe(1);
    await other.send(GET("/")).has("ok");
    expect(connections).toBe(2);
  });

  test("a response cut short ends the client's connection too", async () => {
    const own = join(await cleanup.directory(), "up.sock");
    await rawUpstream(cleanup, own, (socket) => {
      socket.on("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        setImmediate(() => socket.destroy());
      });
    });
    proxy = await startProxy(cleanup, own);
    const raw = client().send(GET("/"));
    await raw.toEnd();
    expect(raw.received).not.toContain("0\r\n\r\n");
    expect(proxy.pool.inFlight).toBe(0);
  });

  test.each([
    ["no HTTP", "SSH-2.0-x\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    ["length and coding", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["bare LF", "HTTP/1.1 200 OK\r\nX: 1\nContent-Length: 0\r\n\r\n"],
    ["unasked upgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"],
  ])("an upstream that sends %s is no upstream", async (_name, answer) => {
    const own = join(await cleanup.directory(), "up.sock");
    await rawUpstream(cleanup, own, (socket) => socket.on("data", () => socket.write(answer)));
    proxy = await startProxy(cleanup, own);
    await client().send(GET("/")).has("502");
    expect(proxy.events).toEqual(["invalid"]);
  });

  test("no upstream at all: unreachable, and the request is whole for another try", async () => {
    const other = path;
    const own = join(await cleanup.directory(), "none.sock");
    proxy = await startProxy(cleanup, own, {
      handler: {
        failed(exchange, loss) {
          proxy.events.push(loss);
          exchange.send(second.pool);
        },
      },
    });
    const second = await startProxy(cleanup, other);
    const raw = client().send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
    await expect.poll(() => proxy.events).toEqual(["unreachable"]);
    await raw.send("dy").has("POST body");
  });

  test("bytes that nobody asked for never become an answer", async () => {
    const own = join(await cleanup.directory(), "up.sock");
    let connections = 0;
    await rawUpstream(cleanup, own, (socket) => {
      const number = ++connections;
      socket.on("data", () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${number}`);
        if (number === 1) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
      });
    });
    proxy = await startProxy(cleanup, own);
    const raw = client();
    await raw.send(GET("/1")).has("\r\n\r\n1");
    await raw.send(GET("/2")).has("\r\n\r\n2");
    expect(raw.received).not.toContain("poison");
  });
});

describe("leaving early", () => {
  test("a client that goes away takes its upstream connection along", async () => {
    const own = join(await cleanup.directory(), "up.sock");
    let requested: () => void = () => {};
    let gone: () => void = () => {};
    const request = new Promise<void>((resolve) => {
      requested = resolve;
    });
    const left = new Promise<void>((resolve) => {
      gone = resolve;
    });
    await rawUpstream(cleanup, own, (socket) => {
      socket.on("data", () => requested());
      socket.on("close", () => gone());
      socket.on("end", () => socket.end());
    });
    proxy = await startProxy(cleanup, own);
    const raw = client().send(GET("/"));
    await request;
    raw.socket.destroy();
    await left;
    expect(proxy.pool.inFlight).toBe(0);
  });

  test("draining closes busy connections after their answer, idle ones after a moment", async () => {
    const idle = client();
    await idle.send(GET("/1")).has("GET ");
    const busy = client();
    busy.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
    await expect.poll(() => seen).toContain("POST /x");
    const drained = proxy.server.drain();
    busy.send("dy");
    expect(await busy.toEnd()).toContain("POST body");
    busy.socket.end();
    expect(idle.ended).toBe(false);
    proxy.advance(httpLimits.drainIdleMs);
    await idle.toEnd();
    idle.socket.end();
    await drained;
    expect(proxy.server.connectionCount).toBe(0);
  });

  test("draining still answers what is on its way, as the first request of a connection or a later one", async () => {
    const first = client();
    const later = client();
    await later.send(GET("/1")).has("GET ");
    await expect.poll(() => proxy.server.connectionCount).toBe(2);
    const drained = proxy.server.drain();
    for (const raw of [first, later]) {
      raw.received = "";
      expect(await raw.send(GET("/last")).toEnd()).toMatch(/^HTTP\/1.1 200 [\s\S]*Connection: close/);
      raw.socket.end();
    }
    await drained;
  });
});
