import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { AcquireReply, LinkTarget, RunnerAddress } from "../domain/messages.ts";
import { chooseVersion } from "../domain/routing.ts";
import type { Callees } from "./callees.ts";
import { MAX_ATTEMPTS, RETRY_DELAY_MS } from "./limits.ts";
import { rpcAbort } from "./rpc-abort.ts";
import type { Deployments } from "./snapshot.ts";

export interface BrokerSettings {
  deployments: Deployments;
  callees: Callees;
  acquire(versionId: string): Promise<AcquireReply>;
  /** Uniform in [0, 1). */
  random?(): number;
}

/**
 * Joins each call through a service binding to a runner of the bound script. Every call is a connection of its own, so
 * each goes to the deployment as it is now, and a deploy in between breaks none.
 */
export class Broker {
  readonly calls = new Set<Socket>();
  #settings: BrokerSettings;

  constructor(settings: BrokerSettings) {
    this.#settings = settings;
  }

  /** Takes a paused connection from a runner. Never throws: what goes wrong reaches the calling Worker as an exception. */
  async call(caller: Socket, accountId: string, to: LinkTarget): Promise<void> {
    if (!("script" in to)) throw new Error("homes are not reachable yet");
    const { script } = to;
    this.calls.add(caller);
    caller.once("close", () => this.calls.delete(caller));
    caller.on("error", () => caller.destroy());
    try {
      const callee = await this.#connect(caller, accountId, script);
      if (callee) join(caller, callee);
    } catch (error) {
      caller.end(rpcAbort(error instanceof Refused ? error.message : `Worker "${script}" could not be reached.`));
      // Closes when the other end has, which needs its bytes to be read.
      caller.resume();
    }
  }

  /** A connection to a runner of the script; undefined when the caller has gone meanwhile. */
  async #connect(caller: Socket, accountId: string, script: string): Promise<Socket | undefined> {
    // Nothing is sent before there is a connection, so another try is safe.
    for (let attempt = 1; ; attempt++) {
      const runner = await this.#runner(accountId, script);
      if (caller.destroyed) return undefined;
      try {
        const callee = await this.#open(runner);
        if (!caller.destroyed) return callee;
        callee.destroy();
        return undefined;
      } catch (error) {
        if (attempt >= MAX_ATTEMPTS) throw error;
        await delay(RETRY_DELAY_MS);
      }
    }
  }

  async #runner(accountId: string, script: string): Promise<RunnerAddress> {
    const { deployments, callees, acquire, random = Math.random } = this.#settings;
    const shares = deployments.find(accountId, script);
    if (!shares) throw new Refused(`Worker "${script}" does not exist.`);
    const versionId = chooseVersion(shares, random());
    if (!versionId) throw new Refused(`Worker "${script}" has no deployment.`);
    const reply = await callees.whileAwaiting(versionId, () => acquire(versionId));
    if ("runner" in reply) return reply.runner;
    throw new Refused(`Worker "${script}" is not available: ${reply.message}`);
  }

  /** Rejects when the runner does not take the connection, or was released since it was acquired. */
  #open({ instanceId, rpcSocket }: RunnerAddress): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const callee = connect({ path: rpcSocket, allowHalfOpen: true });
      callee.once("connect", () => resolve(callee));
      callee.once("error", reject);
      callee.once("close", () => reject(new Error("the runner closed the connection")));
      if (!this.#settings.callees.enter(instanceId, callee)) callee.destroy();
    });
  }
}

/** A call that cannot be made, in words for the calling Worker. */
class Refused extends Error {}

/** Passes bytes both ways, each direction at the pace of its reader and with its own end. */
function join(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on("error", () => to.destroy());
    from.once("close", () => to.destroySoon());
    from.pipe(to);
  }
}
