import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Delivery, EventOutcome, RunnerEvent } from "../domain/events.ts";
import type { ExceededEvent, ExceededInvocation } from "../domain/exceeded.ts";
import type { AcquireReply, Cause, RunnerAddress, Unavailable } from "../domain/messages.ts";
import { request } from "../lib/http/node-http.ts";
import { Callees } from "./callees.ts";
import { eventFrame } from "./event-frame.ts";
import { MAX_EVENT_MS } from "./events.ts";

/** Largest event: a batch is 100 messages of 128 KB at most. */
export const MAX_EVENT_BYTES = 16 * 1024 * 1024;
/** Largest answer: a batch of 100 messages has a few KB. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** How often an event that has not begun is sent to another runner because the first was just stopping. */
const MAX_ATTEMPTS = 3;
/** Time between such attempts: long enough for the supervisor to learn that a runner has ended. */
const RETRY_DELAY_MS = 25;

export interface EventSenderOptions {
  acquire(versionId: string): Promise<AcquireReply>;
  /** Why an instance was lost. */
  verdict(instanceId: string): Promise<Cause>;
  /** An event ended with a runner that exceeded a limit, and had to report it. */
  exceeded?(invocation: ExceededInvocation): void;
}

/** Sends events to runners, and knows which have some in flight, so that they are let go of without breaking one. */
export class EventSender {
  #options: EventSenderOptions;
  #callees = new Callees();

  constructor(options: EventSenderOptions) {
    this.#options = options;
  }

  /**
   * Has the version handle the event; starts its runner if need be. Resolves when the handler, and what it gave to
   * `waitUntil`, is done, or with what went wrong. Never rejects.
   */
  async deliver(versionId: string, event: RunnerEvent, timeoutMs = MAX_EVENT_MS): Promise<Delivery> {
    const frame = eventFrame(event);
    if (frame.byteLength > MAX_EVENT_BYTES) {
      return { outcome: "loadShed", begun: false, message: `an event may have ${MAX_EVENT_BYTES} bytes` };
    }
    // Nothing was sent before there is a connection, so another try is safe.
    for (let attempt = 1; ; attempt++) {
      const found = await this.#find(versionId);
      if ("outcome" in found) return found;
      const { eventsSocket, instanceId } = found;
      if (eventsSocket === undefined) {
        return { outcome: "exception", begun: false, message: `The Worker has no ${event.type}() handler.` };
      }
      const connection = await this.#connect(eventsSocket, instanceId);
      if (connection) {
        const delivery = await this.#send(connection, instanceId, frame, timeoutMs);
        if (found.traced) this.#tellIfExceeded(found, event, delivery);
        return delivery;
      }
      if (attempt === MAX_ATTEMPTS)
        return { outcome: "internalError", begun: false, message: "its runner is stopping" };
      await delay(RETRY_DELAY_MS);
    }
  }

  /** Whether nothing is in flight to the instance, and nothing about to be. */
  isIdle(instanceId: string, versionId: string): boolean {
    return this.#callees.isIdle(instanceId, versionId);
  }

  inFlight(instanceId: string): number {
    return this.#callees.inFlight(instanceId);
  }

  /** Sends no more events to the instance; resolves when the last one has ended. */
  finish(instanceId: string): Promise<void> {
    return this.#callees.release(instanceId);
  }

  /** The instance is no more. */
  gone(instanceId: string): void {
    this.#callees.gone(instanceId);
  }

  async #find(versionId: string): Promise<RunnerAddress | Delivery> {
    try {
      const reply = await this.#callees.whileAwaiting(versionId, () => this.#options.acquire(versionId));
      if ("runner" in reply) return reply.runner;
      return { outcome: unavailableOutcome[reply.unavailable], begun: false, message: reply.message };
    } catch (error) {
      return { outcome: "internalError", begun: false, message: messageOf(error) };
    }
  }

  #tellIfExceeded({ instanceId, versionId }: RunnerAddress, event: RunnerEvent, { outcome }: Delivery): void {
    if (outcome !== "exceededCpu" && outcome !== "exceededMemory") return;
    const cause = outcome === "exceededCpu" ? "cpu" : "memory";
    this.#options.exceeded?.({ instanceId, versionId, cause, event: tracedEvent(event) });
  }

  /** Undefined when the runner does not take the connection, or is being stopped. */
  #connect(path: string, instanceId: string): Promise<Socket | undefined> {
    return new Promise((resolve) => {
      const connection = connect(path);
      connection.once("connect", () => resolve(connection));
      connection.once("close", () => resolve(undefined));
      connection.on("error", () => {});
      if (!this.#callees.enter(instanceId, connection)) connection.destroy();
    });
  }

  async #send(connection: Socket, instanceId: string, frame: Buffer, timeoutMs: number): Promise<Delivery> {
    try {
      const { status, text } = await exchange(connection, frame, timeoutMs);
      const answer = parse(text);
      if (status === 200 && isVerdict(answer)) {
        const { outcome, ...verdict } = answer;
        return { outcome, begun: true, verdict };
      }
      return { outcome: "internalError", begun: true, message: `the runtime answered ${status}` };
    } catch (error) {
      if (error instanceof TimedOut) return { outcome: "exceededWallTime", begun: true };
      const cause = await this.#options.verdict(instanceId).catch(() => "none" as const);
      return { outcome: lostOutcome[cause], begun: true, message: messageOf(error) };
    } finally {
      connection.destroy();
    }
  }
}

const unavailableOutcome: Record<Unavailable, EventOutcome> = {
  missing: "scriptNotFound",
  "startup-failed": "exception",
  "crash-loop": "internalError",
  overloaded: "loadShed",
};

const lostOutcome: Record<Cause, EventOutcome> = {
  cpu: "exceededCpu",
  memory: "exceededMemory",
  crash: "internalError",
  none: "canceled",
};

/** As the runtime would have reported it. */
function tracedEvent(event: RunnerEvent): ExceededEvent {
  switch (event.type) {
    case "scheduled":
      return { cron: event.cron, scheduledTime: event.scheduledTimeMs };
    case "queue":
      return { queue: event.queue, batchSize: event.messages.length };
    case "tail":
      return { consumedEvents: event.scripts.map((scriptName) => ({ scriptName })) };
  }
}

class TimedOut extends Error {}

/** One request on the connection. Rejects when it breaks, {@link TimedOut}, or the answer is too large. */
function exchange(connection: Socket, frame: Buffer, timeoutMs: number): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      createConnection: () => connection,
      method: "POST",
      headers: { host: "events", "content-length": frame.byteLength, connection: "close" },
    });
    const timer = setTimeout(() => outgoing.destroy(new TimedOut("it took too long")), timeoutMs);
    outgoing.once("close", () => clearTimeout(timer));
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => {
      readBounded(incoming).then((text) => resolve({ status: incoming.statusCode ?? 0, text }), reject);
    });
    outgoing.end(frame);
  });
}

async function readBounded(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) throw new Error("the answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isVerdict(value: unknown): value is { outcome: EventOutcome } {
  return typeof (value as { outcome?: unknown } | null | undefined)?.outcome === "string";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
