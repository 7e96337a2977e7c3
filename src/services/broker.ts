import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Homes } from "../domain/homes.ts";
import type { AcquireReply, LinkTarget, RunnerAddress } from "../domain/messages.ts";
import { chooseVersion } from "../domain/routing.ts";
import type { Callees } from "../workerd/callees.ts";
import { MAX_ATTEMPTS, MAX_HOME_ATTEMPTS, RETRY_DELAY_MS } from "./limits.ts";
import { rpcAbort } from "./rpc-abort.ts";
import type { Deployments } from "./snapshot.ts";

export interface BrokerSettings {
  deployments: Deployments;
  /** As they are now. */
  homes(): Homes;
  callees: Callees;
  acquire(versionId: string): Promise<AcquireReply>;
  /** The runner ended a call, or did so itself, before the caller did. */
  lost?(runner: RunnerAddress): void;
  /** Uniform in [0, 1). */
  random?(): number;
}

/**
 * Joins connections from runners to other runners. Each call through a service binding is a connection of its own, so it
 * goes to the deployment as it is now, and a deploy in between breaks none. A connection to a home is kept by its caller
 * for many calls, until the home moves.
 */
export class Broker {
  readonly calls = new Set<Socket>();
  #settings: BrokerSettings;

  constructor(settings: BrokerSettings) {
    this.#settings = settings;
  }

  /** Takes a paused connection from a runner. Never throws: what goes wrong reaches the calling Worker as an exception. */
  async call(caller: Socket, accountId: string, to: LinkTarget): Promise<void> {
    this.calls.add(caller);
    caller.once("close", () => this.calls.delete(caller));
    caller.on("error", () => caller.destroy());
    try {
      const found = await this.#connect(caller, accountId, to);
      if (!found) return;
      // A connection to a home is kept while nothing is called: its end says nothing.
      if ("script" in to) this.#noticeLoss(caller, found);
      join(caller, found.callee);
    } catch (error) {
      caller.end(rpcAbort(error instanceof Refused ? error.message : `${describe(to)} could not be reached.`));
      // Closes when the other end has, which needs its bytes to be read.
      caller.resume();
    }
  }

  /** A connection to a runner of the target; undefined when the caller has gone meanwhile. */
  async #connect(caller: Socket, accountId: string, to: LinkTarget): Promise<Connected | undefined> {
    // Nothing is sent before there is a connection, so another try is safe.
    for (let attempt = 1; ; attempt++) {
      const runner = await this.#runner(accountId, to);
      if (caller.destroyed) return undefined;
      try {
        const callee = await this.#open(runner, "stateId" in to);
        if (!caller.destroyed) return { callee, runner };
        callee.destroy();
        return undefined;
      } catch (error) {
        if (attempt >= ("script" in to ? MAX_ATTEMPTS : MAX_HOME_ATTEMPTS)) throw error;
        await delay(RETRY_DELAY_MS);
      }
    }
  }

  /** Whoever calls ends the connection, when the call is over. */
  #noticeLoss(caller: Socket, { callee, runner }: Connected): void {
    const ends = ["end", "error", "close"];
    const notice = () => {
      for (const end of ends) callee.off(end, notice);
      if (!caller.readableEnded && !caller.destroyed) this.#settings.lost?.(runner);
    };
    for (const end of ends) callee.on(end, notice);
  }

  async #runner(accountId: string, to: LinkTarget): Promise<RunnerAddress> {
    const { callees, acquire } = this.#settings;
    for (let attempt = 1; ; attempt++) {
      const versionId = "script" in to ? this.#versionOf(accountId, to) : this.#homeOf(accountId, to.stateId);
      const reply = await callees.whileAwaiting(versionId, () => acquire(versionId));
      if ("runner" in reply) return reply.runner;
      // The state may have got another home while its old one was asked for.
      const moved = "stateId" in to && this.#homeOf(accountId, to.stateId) !== versionId;
      if (!moved || attempt >= MAX_ATTEMPTS) throw new Refused(`${describe(to)} is not available: ${reply.message}`);
    }
  }

  #versionOf(accountId: string, { script, versionId: asked }: { script: string; versionId?: string }): string {
    const { deployments, random = Math.random } = this.#settings;
    const shares = deployments.find(accountId, script);
    if (!shares) throw new Refused(`Worker "${script}" does not exist.`);
    if (asked !== undefined && shares.some(({ versionId }) => versionId === asked)) return asked;
    const versionId = chooseVersion(shares, random());
    if (!versionId) throw new Refused(`Worker "${script}" has no deployment.`);
    return versionId;
  }

  #homeOf(accountId: string, stateId: string): string {
    const home = this.#settings.homes().ownerOf(stateId);
    // The state of others does not exist, whatever a record says.
    if (home?.accountId !== accountId) {
      throw new Refused("The Worker that owns this Durable Object or workflow is not deployed.");
    }
    return home.versionId;
  }

  /** Rejects when the runner does not take the connection, or was released since it was acquired. */
  #open({ instanceId, rpcSocket }: RunnerAddress, kept: boolean): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const callee = connect({ path: rpcSocket, allowHalfOpen: true });
      callee.once("connect", () => resolve(callee));
      callee.once("error", reject);
      callee.once("close", () => reject(new Error("the runner closed the connection")));
      if (!this.#settings.callees.enter(instanceId, callee, kept)) callee.destroy();
    });
  }
}

interface Connected {
  callee: Socket;
  runner: RunnerAddress;
}

/** A call that cannot be made, in words for the calling Worker. */
class Refused extends Error {}

function describe(to: LinkTarget): string {
  return "script" in to ? `Worker "${to.script}"` : "The Worker that owns this Durable Object or workflow";
}

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
