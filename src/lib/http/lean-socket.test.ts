import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { leanSocket } from "./lean-socket.ts";
import { Cleanup } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

async function listen(serve: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => serve(leanSocket(socket)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup.add(() => server.close());
  const address = server.address();
  return { server, port: typeof address === "object" && address ? address.port : 0 };
}

const connections = (server: Server) =>
  new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));

test("bytes go both ways, and none is changed by later ones", async () => {
  const chunks: Buffer[] = [];
  const { port } = await listen((socket) => {
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      socket.write(chunk);
    });
    socket.on("end", () => socket.end());
  });
  const sent = Buffer.from(Array.from({ length: 500_000 }, (_, index) => index % 251));
  const client = connect(port, "127.0.0.1");
  client.end(sent);
  const received: Buffer[] = [];
  for await (const chunk of client) received.push(chunk);
  expect(Buffer.concat(received).equals(sent)).toBe(true);
  expect(Buffer.concat(chunks).equals(sent)).toBe(true);
});

test("a paused one reads nothing, so that the sender has to wait", async () => {
  let bytes = 0;
  const accepted = Promise.withResolvers<Socket>();
  const { port } = await listen((socket) => {
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    socket.pause();
    accepted.resolve(socket);
  });
  const client = connect(port, "127.0.0.1");
  cleanup.add(() => client.destroy());
  const total = 32 * 1024 * 1024;
  client.write(Buffer.alloc(total));
  const socket = await accepted.promise;
  cleanup.add(() => socket.destroy());
  expect(bytes).toBe(0);
  expect(client.writableLength).toBeGreaterThan(0);
  socket.resume();
  await expect.poll(() => bytes, { timeout: 20_000 }).toBe(total);
});

test("the server counts it until it is closed", async () => {
  const { server, port } = await listen((socket) => socket.on("error", () => {}).resume());
  const client = connect(port, "127.0.0.1");
  await expect.poll(() => connections(server)).toBe(1);
  client.resetAndDestroy();
  await expect.poll(() => connections(server)).toBe(0);
});
