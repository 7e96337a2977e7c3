import { rename, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import type { EdgeCaller } from "../domain/messages.ts";

/** The line about the caller is shorter by far. */
const MAX_LINE_BYTES = 1024;
/** It comes with the connection. */
const LINE_TIMEOUT_MS = 5000;

/**
 * The socket on which services hands on what Workers fetch from hosts of this platform: each connection begins with a line
 * of JSON that says who calls. Of several edges the one that listened last has it.
 */
export class InnerListener {
  readonly #accept: (socket: Socket, caller: EdgeCaller) => void;
  readonly #server: Server;

  constructor(accept: (socket: Socket, caller: EdgeCaller) => void) {
    this.#accept = accept;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#readLine(socket));
  }

  async listen(path: string): Promise<void> {
    // Another edge may be doing the same: each makes a socket of its own, and the name goes from one to the next.
    const own = `${path}.${process.pid}`;
    await rm(own, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(own, resolve);
    });
    await rename(own, path);
    this.#server.on("error", () => {});
  }

  close(): void {
    this.#server.close();
  }

  #readLine(socket: Socket): void {
    let read: Buffer = Buffer.alloc(0);
    const refuse = () => socket.destroy();
    const onData = (chunk: Buffer) => {
      read = read.length === 0 ? chunk : Buffer.concat([read, chunk]);
      const end = read.indexOf("\n");
      if (end < 0 && read.length <= MAX_LINE_BYTES) return;
      socket.off("data", onData).off("error", refuse).setTimeout(0).off("timeout", refuse).pause();
      if (end < 0) return refuse();
      const rest = read.subarray(end + 1);
      this.#accept(socket, JSON.parse(read.toString("utf8", 0, end)) as EdgeCaller);
      if (rest.length > 0) socket.unshift(rest);
      socket.resume();
    };
    socket.on("data", onData).on("error", refuse).setTimeout(LINE_TIMEOUT_MS).on("timeout", refuse);
  }
}
