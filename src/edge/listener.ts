import { createServer, type Server, type Socket } from "node:net";

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

  constructor(accept: (socket: Socket) => void) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  }

  /** Listens and returns the port. Rejects with the system's error when it is taken. */
  listen(options: ListenOptions): Promise<number> {
    const server = this.#server;
    server.maxConnections = options.maxConnections;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: options.host, port: options.port, reusePort: options.shared, backlog: 1024 }, () => {
        server.off("error", reject);
        // Running out of descriptors must not end the process: the kernel keeps the connection waiting.
        server.on("error", () => {});
        const address = server.address();
        resolve(typeof address === "object" && address ? address.port : options.port);
      });
    });
  }

  /** Accepts nothing more. Open connections go on. */
  close(): void {
    this.#server.close();
  }
}
