import { createServer, type Server, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { leanSocket } from "../lib/http/lean-socket.ts";

/** Connections that the kernel keeps for us until they are accepted. */
const BACKLOG = 1024;

export interface ListenOptions {
  host: string;
  port: number;
  /** Several processes listen on this port and the kernel spreads the connections. */
  shared: boolean;
  maxConnections: number;
}

/** The public port. */
export class Listener {
  readonly #server: Server;
  #accepted = 0;

  constructor(accept: (socket: Socket) => void) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
      this.#accepted++;
      accept(leanSocket(socket));
    });
  }

  /** Listens and returns the port. Rejects with the system's error when it is taken. */
  listen(options: ListenOptions): Promise<number> {
    const server = this.#server;
    server.maxConnections = options.maxConnections;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: options.host, port: options.port, reusePort: options.shared, backlog: BACKLOG }, () => {
        server.off("error", reject);
        // Running out of descriptors must not end the process: the kernel keeps the connection waiting.
        server.on("error", () => {});
        const address = server.address();
        resolve(typeof address === "object" && address ? address.port : options.port);
      });
    });
  }

  /** Accepts the connections that wait already, and then nothing more: the kernel resets those that still wait. */
  async drain(): Promise<void> {
    const most = this.#accepted + BACKLOG;
    for (let before = -1; before < this.#accepted && this.#accepted < most; ) {
      before = this.#accepted;
      // Two turns of the event loop, of which the second surely looks at the listener; it accepts one connection a turn.
      await nextTurn();
      await nextTurn();
    }
    this.close();
  }

  /** Accepts nothing more from now on. Open connections go on. */
  close(): void {
    this.#server.close();
  }
}
