import { randomBytes } from "node:crypto";
import type { OpenTail } from "../../domain/live-tail.ts";
import type { TraceItem, TraceLog, TraceSource } from "../../domain/trace.ts";
import { frame, opcodes } from "../../lib/websocket/frames.ts";
import type { ServerSocket } from "../../lib/websocket/server-socket.ts";
import { traceMessage } from "../trace-message.ts";
import { type FirstObstacle, obstacles } from "./filter.ts";
import { ATTACH_MS, MAX_BUFFERED_BYTES, MAX_MESSAGES_PER_SECOND } from "./limits.ts";
import { Sampling } from "./sampling.ts";

/** One invocation on its way to all sessions of its script; those that get the same bytes share them. */
export interface Traced {
  item: TraceItem;
  source: TraceSource;
  /** A frame with the message; `scriptName`: what it calls the script. */
  frame(scriptName: string): Buffer;
}

export type Socket = Pick<ServerSocket, "send" | "close" | "probe" | "bufferedBytes" | "onClose" | "onFirstMessage">;

const OVERLOAD = {
  overload:
    "There are more messages than can be sent to you: from now on you see a sample of them. Filters make them fewer.",
  "overload-stop": "You see all messages again.",
};

/** What one client wants to see of a script, and its WebSocket once it has come. */
export class TailSession {
  readonly id = randomBytes(16).toString("hex");
  readonly secret = randomBytes(32).toString("base64url");
  readonly accountId: string;
  readonly script: string;
  readonly expiresMs: number;
  /** The script's invocations are reported to it, all of them. */
  complete = false;
  readonly #scriptName: string;
  readonly #obstacle: FirstObstacle;
  readonly #sampling = new Sampling(MAX_MESSAGES_PER_SECOND);
  #socket: Socket | undefined;
  /** Until when the WebSocket may come. */
  readonly #attachBeforeMs: number;
  /** What was reported before it came. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #debug = false;

  constructor(of: { accountId: string; script: string }, wanted: OpenTail, nowMs: number, lifeMs: number) {
    this.accountId = of.accountId;
    this.script = of.script;
    this.expiresMs = nowMs + lifeMs;
    this.#scriptName = wanted.scriptName ?? of.script;
    this.#obstacle = obstacles(wanted.filters);
    this.#attachBeforeMs = nowMs + ATTACH_MS;
  }

  get attached(): boolean {
    return this.#socket !== undefined;
  }

  /** Its time is over, or nobody has come to listen. */
  isOver(nowMs: number): boolean {
    return nowMs >= this.expiresMs || (this.#socket === undefined && nowMs >= this.#attachBeforeMs);
  }

  /** Sends to the socket from now on; `closed` is called when that is over. */
  attach(socket: Socket, closed: () => void): void {
    this.#socket = socket;
    socket.onFirstMessage = (text) => {
      this.#debug = asksForDebugging(text);
    };
    socket.onClose = closed;
    for (const message of this.#waiting.splice(0)) socket.send(message);
  }

  take(traced: Traced, nowMs: number): void {
    const obstacle = this.#obstacle(traced.item, traced.source.versionId);
    if (obstacle !== undefined && !this.#debug) return;
    const room = (this.#socket?.bufferedBytes ?? this.#waitingBytes) < MAX_BUFFERED_BYTES;
    const before = this.#sampling.sampling;
    if (this.#sampling.admits(nowMs, room))
      this.#send(
        obstacle ? messageFrame(traced, this.#scriptName, { blockedBy: obstacle }) : traced.frame(this.#scriptName),
      );
    else if (!before) this.#tell("overload", nowMs);
  }

  /** To be called now and then. */
  tick(nowMs: number): void {
    if (this.#sampling.settles(nowMs)) this.#tell("overload-stop", nowMs);
  }

  /** Asks whether the client is there. */
  probe(): void {
    this.#socket?.probe();
  }

  close(code: number, reason: string): void {
    this.#waiting = [];
    this.#socket?.close(code, reason);
  }

  #send(message: Buffer): void {
    if (this.#socket) this.#socket.send(message);
    else {
      this.#waiting.push(message);
      this.#waitingBytes += message.length;
    }
  }

  /** Tells the client something that no invocation did. */
  warn(text: string): void {
    const nowMs = Date.now();
    this.#say(nowMs, null, [{ level: "warn", message: [text], timestamp: nowMs }]);
  }

  #tell(type: keyof typeof OVERLOAD, nowMs: number): void {
    this.#say(nowMs, { type, message: OVERLOAD[type] }, []);
  }

  #say(eventTimestamp: number, event: unknown, logs: TraceLog[]): void {
    const message = { outcome: "ok", scriptName: this.#scriptName, eventTimestamp, logs, exceptions: [], event };
    this.#send(frame(opcodes.text, JSON.stringify(message)));
  }
}

/** The first thing that clients say: whether they want what their filters keep out, too. */
function asksForDebugging(text: string): boolean {
  try {
    const said = JSON.parse(text);
    return typeof said === "object" && said !== null && said.debug === true;
  } catch {
    return false;
  }
}

/** A frame with the message of an invocation (`wrangler-api.md` 4.1); `scriptName`: what it calls the script. */
export function messageFrame({ item, source }: Pick<Traced, "item" | "source">, scriptName: string, more = {}): Buffer {
  return frame(opcodes.text, JSON.stringify({ ...traceMessage(source, item), scriptName, ...more }));
}
