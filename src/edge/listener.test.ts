import { connect } from "node:net";
import { expect, test } from "vitest";
import { Listener } from "./listener.ts";

test("draining accepts what the kernel has connected, and nothing after that", async () => {
  let accepted = 0;
  const listener = new Listener((socket) => {
    accepted++;
    socket.on("error", () => {});
    socket.end("answer");
  });
  const port = await listener.listen({ host: "127.0.0.1", port: 0, shared: true, maxConnections: 100 });
  const clients = Array.from({ length: 20 }, () => connect({ host: "127.0.0.1", port }));
  const answers = clients.map(async (client) => {
    let text = "";
    for await (const chunk of client) text += chunk;
    return text;
  });
  // The kernel connects a client to a listening port by itself; nothing has been accepted until the event loop turns.
  expect(accepted).toBe(0);
  await listener.drain();
  expect(await Promise.all(answers)).toEqual(clients.map(() => "answer"));
  await expect(
    new Promise((resolve, reject) => connect({ host: "127.0.0.1", port }, () => resolve("open")).on("error", reject)),
  ).rejects.toThrow(/ECONNREFUSED/);
});
