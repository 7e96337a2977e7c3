import { connect, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { AttachRequest, EdgeCaller } from "../domain/messages.ts";
import { MAX_OUTBOUND_CONNECTIONS } from "./limits.ts";
import { listenAt } from "./unix-listener.ts";

/**
 * The ways of attached runners to the edge, for what their Workers fetch from hosts that this platform serves. The socket
 * says who calls, which is told to the edge in a line before the bytes; what they are is the edge's business.
 */
export class Outbound {
  readonly #edgeSocket: string;
  readonly #servers = new Map<string, Server[]>();

  constructor(edgeSocket: string) {
    this.#edgeSocket = edgeSocket;
  }

  /** Opens the instance's sockets; resolves when they listen. A second call replaces the first. */
  async attach({ instanceId, accountId, directory, outbound }: AttachRequest): Promise<void> {
    this.detach(instanceId);
    if (!outbound) return;
    const servers: Server[] = [];
    this.#servers.set(instanceId, servers);
    for (const [socket, secure] of [
      [outbound.plain, false],
      [outbound.secure, true],
    ] as const) {
      const caller: EdgeCaller = { accountId, script: outbound.script, secure };
      const accept = (connection: Socket) => this.#join(connection, caller);
      servers.push(await listenAt(join(directory, socket), accept, { maxConnections: MAX_OUTBOUND_CONNECTIONS }));
    }
  }

  /** Closes the instance's sockets. Requests in flight go on. */
  detach(instanceId: string): void {
    for (const server of this.#servers.get(instanceId) ?? []) server.close();
    this.#servers.delete(instanceId);
  }

  detachAll(): void {
    for (const instanceId of [...this.#servers.keys()]) this.detach(instanceId);
  }

  #join(connection: Socket, caller: EdgeCaller): void {
    const edge = connect({ path: this.#edgeSocket, allowHalfOpen: true });
    edge.write(`${JSON.stringify(caller)}\n`);
    connection.pipe(edge);
    edge.pipe(connection);
    const end = () => {
      connection.destroy();
      edge.destroy();
    };
    for (const socket of [connection, edge]) socket.on("error", end).on("close", end);
  }
}
