import type { Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Cleanup, RawClient, rawUpstream, startProxy } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** A proxy to an upstream whose connections are handed out one by one. */
async function setup() {
  const path = join(await cleanup.directory(), "up.sock");
  let arrived: (socket: Socket) => void = () => {};
  const upstream = new Promise<Socket>((resolve) => {
    arrived = resolve;
  });
  await rawUpstream(cleanup, path, (socket) => arrived(socket));
  const proxy = await startProxy(cleanup, path);
  const client = new RawClient({ port: proxy.port });
  cleanup.add(() => client.socket.destroy());
  return { proxy, client, upstream };
}

/** Keeps what arrives on a socket as text. */
function record(socket: Socket) {
  const seen = { text: "", ended: false };
  socket.on("data", (chunk: Buffer) => {
    seen.text += chunk.toString("latin1");
  });
  socket.on("end", () => {
    seen.ended = true;
  });
  return seen;
}

const MEGABYTE = Buffer.alloc(1_000_000, "x");
/** More than kernel buffers and the engine's own may hold on the way; far less than is offered. */
const HELD_BYTES = 12_000_000;
const OFFERED_BYTES = 60_000_000;

/** Writes until the other side takes no more for a while; returns how much went. */
async function writeUntilStuck(socket: Socket): Promise<number> {
  const before = socket.bytesWritten;
  for (let sent = 0; sent < OFFERED_BYTES; sent += MEGABYTE.length) {
    if (socket.write(MEGABYTE)) continue;
    const drained = await Promise.race([
      new Promise<boolean>((resolve) => socket.once("drain", () => resolve(true))),
      new Promise<boolean>((resolve) => setTimeout(resolve, 300, false)),
    ]);
    if (!drained) break;
  }
  return socket.bytesWritten - socket.writableLength - before;
}

describe("back-pressure", () => {
  test("a client that does not read stops the upstream, and gets all when it does", async () => {
    const { proxy, client, upstream } = await setup();
    client.socket.pause();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const server = await upstream;
    server.write(`HTTP/1.1 200 OK\r\nContent-Length: ${OFFERED_BYTES}\r\n\r\n`);
    const held = await writeUntilStuck(server);
    expect(held).toBeLessThan(HELD_BYTES);
    expect(proxy.pool.inFlight).toBe(1);
    const rest =
      OFFERED_BYTES - (server.bytesWritten - `HTTP/1.1 200 OK\r\nContent-Length: ${OFFERED_BYTES}\r\n\r\n`.length);
    server.write(Buffer.alloc(rest, "y"));
    let received = 0;
    client.socket.removeAllListeners("data");
    client.socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    client.socket.resume();
    await expect.poll(() => received, { timeout: 20_000 }).toBeGreaterThan(OFFERED_BYTES);
    expect(proxy.pool.inFlight).toBe(0);
  });

  test("an upstream that does not read stops the client, and gets all when it does", async () => {
    const { client, upstream } = await setup();
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${OFFERED_BYTES}\r\n\r\n`);
    const server = await upstream;
    const held = await writeUntilStuck(client.socket);
    expect(held).toBeLessThan(HELD_BYTES);
    let received = 0;
    server.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received >= OFFERED_BYTES) server.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    const sent = client.socket.bytesWritten;
    client.send(Buffer.alloc(OFFERED_BYTES - sent + 100, "y"));
    await client.has("ok");
    expect(received).toBeGreaterThan(OFFERED_BYTES);
  });
});

describe("streams", () => {
  test("both ways at once, each part as it comes", async () => {
    const { proxy, client, upstream } = await setup();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    const server = await upstream;
    const seen = record(server);
    await expect.poll(() => seen.text).toContain("1\r\na\r\n");
    server.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    await client.has("200 OK");
    server.write("1\r\nA\r\n");
    await client.has("1\r\nA\r\n");
    client.send("1\r\nb\r\n");
    await expect.poll(() => seen.text).toContain("1\r\nb\r\n");
    server.write("1\r\nB\r\n");
    await client.has("1\r\nB\r\n");
    client.send("0\r\n\r\n");
    await expect.poll(() => seen.text).toContain("0\r\n\r\n");
    server.write("0\r\n\r\n");
    await client.has("0\r\n\r\n");
    // The connection is whole at both ends, and after a rest trusted again.
    proxy.advance(20);
    client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    await expect.poll(() => seen.text).toContain("GET /next");
  });

  test("a head without a body part yet is sent at once", async () => {
    const { client, upstream } = await setup();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    (await upstream).write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    await client.has("\r\n\r\n");
  });

  test("a response head may come in pieces", async () => {
    const { client, upstream } = await setup();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const server = await upstream;
    for (const byte of "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") {
      server.write(byte);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(await client.has("ok")).toMatch(/^HTTP\/1.1 200 OK/);
  });
});

describe("WebSocket", () => {
  const handshake =
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  const accepted =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

  test("bytes go both ways as they are, those behind the heads too; each side may end by itself", async () => {
    const { proxy, client, upstream } = await setup();
    client.send(`${handshake}early`);
    const server = await upstream;
    const seen = record(server);
    await expect.poll(() => seen.text).toContain("Upgrade: websocket");
    expect(seen.text).toContain("Connection: Upgrade");
    server.write(`${accepted}first`);
    await client.has("first");
    expect(client.received).toContain("Sec-WebSocket-Accept");
    expect(client.received.match(/connection: upgrade/gi)).toHaveLength(1);
    await expect.poll(() => seen.text).toMatch(/early$/);
    client.send("\x81\x02hi\0\xff");
    await expect.poll(() => seen.text).toMatch(/hi\0\xff$/);
    expect(proxy.pool.inFlight).toBe(1);
    server.end("last");
    await client.toEnd();
    expect(client.received).toMatch(/firstlast$/);
    client.socket.end("bye");
    await expect.poll(() => seen.ended).toBe(true);
    expect(seen.text).toMatch(/bye$/);
    await expect.poll(() => proxy.pool.inFlight).toBe(0);
    await expect.poll(() => proxy.server.connectionCount).toBe(0);
  });

  test("a refused handshake is an ordinary response", async () => {
    const { client, upstream } = await setup();
    client.send(handshake);
    const server = await upstream;
    server.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno");
    await client.has("no");
    server.once("data", () => server.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"));
    await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").has("yes");
  });

  test.each<[string, (parts: Awaited<ReturnType<typeof setup>>) => unknown]>([
    ["a reset by the client", ({ client }) => client.socket.resetAndDestroy()],
    ["draining", ({ proxy }) => proxy.server.drain()],
  ])("%s ends a tunnel at both ends", async (_, end) => {
    const parts = await setup();
    const { proxy, client, upstream } = parts;
    client.send(handshake);
    const server = await upstream;
    server.write(accepted);
    await client.has("101");
    server.resume();
    const gone = new Promise((resolve) => server.once("end", resolve));
    await end(parts);
    await gone;
    await expect.poll(() => proxy.pool.inFlight).toBe(0);
    await expect.poll(() => proxy.server.connectionCount).toBe(0);
  });

  test("back-pressure holds in a tunnel", async () => {
    const { client, upstream } = await setup();
    client.send(handshake);
    const server = await upstream;
    server.write(accepted);
    await client.has("101");
    client.socket.pause();
    expect(await writeUntilStuck(server)).toBeLessThan(HELD_BYTES);
  });
});
