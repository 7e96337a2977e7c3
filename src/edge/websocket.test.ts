import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { Cleanup } from "../lib/http/testing.ts";
import { address, socketPath, startEdge } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const HANDSHAKE =
  "GET /ws HTTP/1.1\r\nHost: hello.acc.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const ACCEPTED = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
const RESTART = "\x88\x11\x03\xf4service restart";
const LOST = "\x88\x27\x03\xf3the connection to the Worker was lost";
const GOODBYE = "\x88\x02\x03\xe8";

/** An edge, a client whose WebSocket is open, and the runner's side of it. */
async function connected() {
  const path = await socketPath(cleanup);
  const sockets: Socket[] = [];
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const runner = createServer((socket) => {
    sockets.push(socket.on("error", () => {}));
    socket.once("data", () => resolve(socket));
  });
  await new Promise<void>((listening) => runner.listen(path, listening));
  cleanup.add(() => {
    runner.close();
    for (const socket of sockets) socket.destroy();
  });
  const edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path, "i1") });
  const client = edge.client().send(HANDSHAKE);
  const socket = await promise;
  const opened = async () => {
    socket.write(ACCEPTED);
    await client.has("\r\n\r\n");
  };
  return { edge: edge.edge, client, socket, opened };
}

describe("release with closeWebSockets", () => {
  test("says 1012 to the client, ends both sides, and is done", async () => {
    const { edge, client, socket, opened } = await connected();
    await opened();
    socket.write("\x81\x05hello", "latin1");
    await client.has("hello");
    const gone = new Promise((resolve) => socket.once("close", resolve));
    expect(await edge.runners.release("i1", false, true)).toBe(true);
    expect((await client.toEnd()).endsWith(`hello${RESTART}`)).toBe(true);
    await gone;
    // Its own Close is taken before the connection ends.
    client.send("\x88\x82\0\0\0\0\x03\xf4").socket.end();
    await client.until(({ closed }) => closed).catch(() => {});
  });

  test("waits until the message under way is whole, and sends nothing after it", async () => {
    const { edge, client, socket, opened } = await connected();
    await opened();
    socket.write("\x81\x0ahello", "latin1");
    await client.has("hello");
    const released = edge.runners.release("i1", false, true);
    socket.write("world\x81\x04more", "latin1");
    expect(await released).toBe(true);
    expect((await client.toEnd()).endsWith(`helloworld${RESTART}`)).toBe(true);
  });

  test("closes those that open a moment later, too", async () => {
    const { edge, client, opened } = await connected();
    const released = edge.runners.release("i1", false, true);
    await opened();
    expect(await released).toBe(true);
    expect((await client.toEnd()).endsWith(`\r\n\r\n${RESTART}`)).toBe(true);
  });

  test("says nothing more to a client to whom the Worker has said goodbye", async () => {
    const { edge, client, socket, opened } = await connected();
    await opened();
    socket.write(GOODBYE, "latin1");
    await client.has(GOODBYE);
    await edge.runners.release("i1", false, true);
    expect((await client.toEnd()).endsWith(`\r\n\r\n${GOODBYE}`)).toBe(true);
  });
});

describe("a runner that ends under a WebSocket", () => {
  test("is told with 1011", async () => {
    const { client, socket, opened } = await connected();
    await opened();
    socket.write("\x81\x05hello", "latin1");
    await client.has("hello");
    socket.destroy();
    expect((await client.toEnd()).endsWith(`hello${LOST}`)).toBe(true);
  });

  test("in the middle of a message is a plain end", async () => {
    const { client, socket, opened } = await connected();
    await opened();
    socket.write("\x81\x0ahello", "latin1");
    await client.has("hello");
    socket.destroy();
    expect(await client.toEnd()).toMatch(/hello$/);
  });
});
