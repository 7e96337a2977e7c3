import type { Server, Socket } from "node:net";
import { join } from "node:path";
import type { AttachRequest, LinkTarget } from "../domain/messages.ts";
import { MAX_HOME_CONNECTIONS, MAX_LINK_CONNECTIONS, MAX_VERSION_LINKS } from "./limits.ts";
import { listenAt } from "./unix-listener.ts";

/** Called with each connection to a link; it is paused, and stays open for writing when the other end finishes. */
export type OnCall = (connection: Socket, accountId: string, to: LinkTarget) => void;

/** The sockets of attached runners through which their service bindings reach other scripts. */
export class Links {
  #onCall: OnCall;
  #servers = new Map<string, Server[]>();
  /** Of attached instances: where their sockets are, and those that lead to one version of a callee. */
  #attached = new Map<string, { accountId: string; directory: string; versions: Map<string, Promise<string>> }>();

  constructor(onCall: OnCall) {
    this.#onCall = onCall;
  }

  /** Opens the instance's sockets; resolves when they listen. A second call replaces the first. */
  async attach({ instanceId, accountId, directory, links }: AttachRequest): Promise<void> {
    this.detach(instanceId);
    const servers: Server[] = [];
    this.#servers.set(instanceId, servers);
    this.#attached.set(instanceId, { accountId, directory, versions: new Map() });
    try {
      for (const { socket, to } of links) {
        servers.push(await this.#listen(join(directory, socket), accountId, to));
      }
    } catch (error) {
      this.detach(instanceId);
      throw error;
    }
  }

  /**
   * The file name of a socket that leads the instance to one version of a script. It is opened when it is first asked for, and
   * stays as long as the instance's others. Undefined for an instance that is not attached, or has too many.
   */
  async version(instanceId: string, script: string, versionId: string): Promise<string | undefined> {
    const attached = this.#attached.get(instanceId);
    if (!attached) return undefined;
    const { accountId, directory, versions } = attached;
    let socket = versions.get(versionId);
    if (!socket) {
      if (versions.size >= MAX_VERSION_LINKS) return undefined;
      const name = `version-${versions.size}.sock`;
      socket = this.#listen(join(directory, name), accountId, { script, versionId }).then((server) => {
        const servers = this.#servers.get(instanceId);
        if (servers && this.#attached.get(instanceId) === attached) servers.push(server);
        else server.close();
        return name;
      });
      versions.set(versionId, socket);
    }
    return socket;
  }

  /** Closes the instance's sockets. Calls in flight go on until one side ends them. */
  detach(instanceId: string): void {
    for (const server of this.#servers.get(instanceId) ?? []) server.close();
    this.#servers.delete(instanceId);
    this.#attached.delete(instanceId);
  }

  detachAll(): void {
    for (const instanceId of [...this.#servers.keys()]) this.detach(instanceId);
  }

  #listen(path: string, accountId: string, to: LinkTarget): Promise<Server> {
    const maxConnections = "script" in to ? MAX_LINK_CONNECTIONS : MAX_HOME_CONNECTIONS;
    const onCall = (connection: Socket) => this.#onCall(connection, accountId, to);
    return listenAt(path, onCall, { maxConnections, paused: true });
  }
}
