import { once } from "node:events";
import { type AddressInfo, connect, createServer, Socket } from "node:net";
import { expect, test } from "vitest";
import { Callees, MAX_RELEASED } from "./callees.ts";

test("an instance is idle when no call is open or about to begin", async () => {
  const callees = new Callees();
  const { promise, resolve } = Promise.withResolvers<string>();
  const answers = [callees.whileAwaiting("v1", () => promise), callees.whileAwaiting("v1", () => promise)];
  expect(callees.isIdle("i1", "v1")).toBe(false);
  expect(callees.isIdle("i2", "v2")).toBe(true);
  resolve("i1");
  expect(await Promise.all(answers)).toEqual(["i1", "i1"]);
  expect(callees.isIdle("i1", "v1")).toBe(true);

  await expect(callees.whileAwaiting("v1", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(callees.isIdle("i1", "v1")).toBe(true);
});

test("an instance that was only asked whether it is idle can still be called", () => {
  const callees = new Callees();
  expect(callees.isIdle("i1", "v1")).toBe(true);
  expect(callees.enter("i1", new Socket())).toBe(true);
});

test("a released instance takes no more calls, until it is forgotten", async () => {
  const callees = new Callees();
  await callees.release("i1");
  expect(callees.enter("i1", new Socket())).toBe(false);
  callees.gone("i1");
  expect(callees.enter("i1", new Socket())).toBe(true);

  for (let index = 0; index <= MAX_RELEASED; index++) await callees.release(`x${index}`);
  expect(callees.enter("x0", new Socket())).toBe(true);
  expect(callees.enter("x1", new Socket())).toBe(false);
});

test("everyone who waits for the last call is told", async () => {
  const callees = new Callees();
  const sockets = [new Socket(), new Socket()];
  for (const socket of sockets) callees.enter("i1", socket);
  expect(callees.inFlight("i1")).toBe(2);
  const released = Promise.all([callees.release("i1"), callees.release("i1")]);
  for (const socket of sockets) socket.destroy();
  await released;
  expect(callees.inFlight("i1")).toBe(0);
});

test("connections that are kept for many calls end once nothing passes on them; those of one call are awaited", async () => {
  const callees = new Callees();
  const server = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  const [busy, quiet, call] = await Promise.all(
    [0, 1, 2].map(async () => {
      const socket = connect(port);
      await once(socket, "connect");
      return socket;
    }),
  );
  if (!busy || !quiet || !call) throw new Error("no connections");
  callees.enter("i1", busy, true);
  callees.enter("i1", quiet, true);
  callees.enter("i1", call);
  const writing = setInterval(() => busy.write("x"), 1);
  const released = callees.release("i1", true);
  await once(quiet, "close");
  expect([busy.destroyed, call.destroyed]).toEqual([false, false]);
  clearInterval(writing);
  await once(busy, "close");
  expect(call.destroyed).toBe(false);
  call.destroy();
  await released;
  server.close();
});
