import type { Socket } from "node:net";
// @ts-expect-error: plain JavaScript, which is all that hosts of databases load.
import { send, serve } from "./server.js";

export interface HostCall {
  id: number;
  payload: Buffer;
}

/** The loop of a host whose work is asynchronous: one request after the other, each begun once the reply before has left. */
export function serveInTurn(socketPath: string, replyTo: (call: HostCall) => Promise<Buffer>): void {
  const queue: { call: HostCall; socket: Socket }[] = [];
  let working = false;

  async function work(): Promise<void> {
    if (working) return;
    working = true;
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { call, socket } = next;
      if (socket.destroyed) continue;
      const leaving = send(socket, await replyTo(call));
      if (leaving) await leaving;
    }
    working = false;
  }

  serve(socketPath, {
    request: (call: HostCall, socket: Socket) => queue.push({ call, socket }),
    read: () => void work(),
  });
}
