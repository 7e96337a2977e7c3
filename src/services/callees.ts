import type { Socket } from "node:net";
import { MAX_RELEASED } from "./limits.ts";

/** Which runner instances are being called, so that they can be let go of without breaking a call. */
export class Callees {
  #open = new Map<string, Set<Socket>>();
  #released = new Set<string>();
  #waiting = new Map<string, (() => void)[]>();

  /** Counts a connection to the instance until it closes. False when the instance was released: choose another. */
  enter(instanceId: string, connection: Socket): boolean {
    if (this.#released.has(instanceId)) return false;
    const connections = this.#open.get(instanceId) ?? new Set();
    this.#open.set(instanceId, connections.add(connection));
    connection.once("close", () => this.#leave(instanceId, connection));
    return true;
  }

  /** Resolves with true when the instance has no calls any more and gets no new ones. See `MemberCalls.release`. */
  async release(instanceId: string, onlyIfIdle: boolean): Promise<boolean> {
    const busy = this.#open.has(instanceId);
    if (busy && onlyIfIdle) return false;
    this.#remember(instanceId);
    if (busy) {
      await new Promise<void>((resolve) => {
        this.#waiting.set(instanceId, [...(this.#waiting.get(instanceId) ?? []), resolve]);
      });
    }
    return true;
  }

  /** Ends all connections to an instance that is no more. */
  gone(instanceId: string): void {
    for (const connection of this.#open.get(instanceId) ?? []) connection.destroy();
    this.#released.delete(instanceId);
  }

  #leave(instanceId: string, connection: Socket): void {
    const connections = this.#open.get(instanceId);
    connections?.delete(connection);
    if (connections?.size !== 0) return;
    this.#open.delete(instanceId);
    for (const resolve of this.#waiting.get(instanceId) ?? []) resolve();
    this.#waiting.delete(instanceId);
  }

  #remember(instanceId: string): void {
    this.#released.add(instanceId);
    if (this.#released.size > MAX_RELEASED) {
      for (const oldest of this.#released) {
        this.#released.delete(oldest);
        break;
      }
    }
  }
}
