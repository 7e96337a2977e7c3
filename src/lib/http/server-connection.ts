import type { Socket } from "node:net";
import { Exchange } from "./exchange.ts";
import { InputBuffer } from "./input-buffer.ts";
import { parseRequestHead } from "./request-head.ts";
import type { HttpServer } from "./server.ts";
import { SERVICE_RESTART } from "./websocket-frames.ts";

/** Between requests, or within a head. */
const READING = 0;
/** A request is being answered. */
const BUSY = 1;
/** Bytes go both ways, whatever they mean. */
const TUNNEL = 2;
/** Our side is closed; what the client still sends is thrown away. */
const LINGERING = 3;
const CLOSED = 4;
/** A request has been answered, and the rest of its body is read over. */
const DISCARDING = 5;

const NEVER = Number.POSITIVE_INFINITY;
const LF = 0x0a;

/** Room for method and version beside the longest target. */
const REQUEST_LINE_EXTRA_BYTES = 64;

/** A client's connection: reads heads, hands requests to its {@link Exchange} one at a time, keeps the deadlines. */
export class ServerConnection<State> {
  readonly socket: Socket;
  /** What has come and is not used yet. */
  readonly input = new InputBuffer();
  readonly #server: HttpServer<State>;
  readonly #exchange: Exchange<State>;
  #phase = READING;
  #fresh = true;
  #reading = false;
  #partialHead = false;
  #halfClosed = false;
  #deadlineMs: number;
  #sendDeadlineMs = NEVER;

  constructor(server: HttpServer<State>, socket: Socket) {
    this.#server = server;
    this.socket = socket;
    this.#exchange = new Exchange(server, this);
    this.#deadlineMs = server.ticker.nowMs + server.limits.headTimeoutMs;
    socket.on("data", this.#onData);
    socket.on("drain", this.#onDrain);
    socket.on("end", this.#onEnd);
    socket.on("finish", this.#onFinish);
    socket.on("error", ignore);
    socket.on("close", this.#onClose);
  }

  /** A request waits for its answer, or the answer is being sent. */
  get busy(): boolean {
    return this.#phase === BUSY;
  }

  /** The client has finished its side. */
  get halfClosed(): boolean {
    return this.#halfClosed;
  }

  // What the server calls.

  /**
   * No more requests are wanted. One that is on its way may still come, for a moment, and is told in its answer that
   * it was the last: closing at once would lose it.
   */
  expectLast(): void {
    // A tunnel has no end of its own to wait for: WebSocket clients connect again, as they must after any break.
    if (this.#phase === TUNNEL) {
      this.#exchange.sayClose(SERVICE_RESTART);
      this.#sendDeadlineMs = this.#after(this.#server.limits.sendStallMs);
      this.socket.destroySoon();
    }
    if (this.#phase !== READING || this.#partialHead) return;
    this.#deadlineMs = Math.min(this.#deadlineMs, this.#after(this.#server.limits.drainIdleMs));
  }

  destroy(): void {
    this.socket.destroy();
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#sendDeadlineMs) this.destroy();
    else if (nowMs >= this.#deadlineMs) this.#expire();
  }

  // What the exchange calls.

  /** The exchange is over: turns to the next request, or closes. */
  finish(keep: boolean): void {
    if (!keep) {
      this.closeGently();
      return;
    }
    const { limits, draining } = this.#server;
    this.#phase = READING;
    this.#deadlineMs = this.#after(draining ? limits.drainIdleMs : limits.keepAliveMs);
    if (this.socket.isPaused()) this.socket.resume();
    if (this.input.length > 0 || this.#halfClosed) this.#readRequests();
  }

  /** The answer is out before the request's body was in, which the client may have sent by now: reads over the rest. */
  discardBody(): void {
    this.#phase = DISCARDING;
    this.#deadlineMs = this.#after(this.#server.limits.lingerMs);
    if (this.socket.isPaused()) this.socket.resume();
  }

  /** Closes our side; the client may finish sending for a moment, so that no reset destroys the answer. */
  closeGently(): void {
    this.#phase = LINGERING;
    this.#exchange.drop();
    this.input.consume(this.input.end);
    this.#deadlineMs = NEVER;
    this.#sendDeadlineMs = this.#after(this.#server.limits.sendStallMs);
    this.socket.end();
    this.socket.resume();
  }

  becomeTunnel(): void {
    this.#phase = TUNNEL;
    this.#deadlineMs = NEVER;
    this.socket.resume();
  }

  /** The other end of the tunnel has finished. */
  endTunnel(): void {
    this.socket.end();
    this.#deadlineMs = this.#after(this.#server.limits.halfClosedMs);
  }

  /** The client must send more of the body in time. */
  expectBody(): void {
    this.#deadlineMs = this.#after(this.#server.limits.bodyStallMs);
    if (this.socket.isPaused()) this.socket.resume();
  }

  /**
   * A handler could not bear what the client sent: that costs this connection, and none of the others. Said now and then, as
   * the client decides how often it happens.
   */
  fail(error: unknown): void {
    this.#server.failures.tell(error);
    this.destroy();
  }

  /** The client may send, or not. */
  expectNothing(): void {
    this.#deadlineMs = NEVER;
    if (this.socket.isPaused()) this.socket.resume();
  }

  /** The client must take what was written in time. */
  expectDrain(): void {
    this.#sendDeadlineMs = this.#after(this.#server.limits.sendStallMs);
  }

  /** Reads no further for now; that is not the client's fault. */
  pause(): void {
    this.#deadlineMs = NEVER;
    this.socket.pause();
  }

  // The socket's events.

  readonly #onData = (chunk: Buffer): void => {
    if (this.#fresh) {
      this.#fresh = false;
      if (this.#server.handler.takesOver?.(chunk)) {
        this.#handOver(chunk);
        return;
      }
    }
    if (this.#phase === READING) {
      this.input.append(chunk);
      this.#readRequests();
    } else if (this.#phase === BUSY) {
      this.input.append(chunk);
      const waiting = !this.#exchange.receive();
      const full = this.input.length > this.#server.limits.readAheadBytes;
      if (waiting && (full || !this.#exchange.body.done)) this.pause();
    } else if (this.#phase === DISCARDING) {
      this.input.append(chunk);
      this.#deadlineMs = this.#after(this.#server.limits.lingerMs);
      if (!this.#exchange.discard()) this.closeGently();
    } else if (this.#phase === TUNNEL && !this.#exchange.tunnel(chunk)) this.socket.pause();
  };

  readonly #onDrain = (): void => {
    this.#sendDeadlineMs = NEVER;
    this.#exchange.resume();
  };

  readonly #onEnd = (): void => {
    if (this.#phase === TUNNEL) {
      this.#exchange.endTunnel();
      this.#deadlineMs = this.#after(this.#server.limits.halfClosedMs);
    } else if (this.#phase === READING || this.#phase === DISCARDING) this.closeGently();
    else if (this.#phase === BUSY) {
      this.#halfClosed = true;
      // Most likely nobody is there for the answer (nginx takes it so too): the upstream shall know.
      if (this.#exchange.forwarded || !this.#exchange.body.done) this.destroy();
    }
  };

  readonly #onFinish = (): void => {
    if (this.#phase !== LINGERING) return;
    this.#sendDeadlineMs = NEVER;
    this.#deadlineMs = this.#after(this.#server.limits.lingerMs);
  };

  readonly #onClose = (): void => {
    this.#phase = CLOSED;
    this.#exchange.drop();
    this.#server.removed(this);
  };

  // Heads.

  #readRequests(): void {
    // An answer given at once comes back here through `finish`: the loop below goes on by itself.
    if (this.#reading) return;
    this.#reading = true;
    while (this.#phase === READING && this.input.length > 0 && this.#readRequest());
    this.#reading = false;
    if (this.#halfClosed && this.#phase === READING) this.closeGently();
  }

  /** Takes one request from the input; false when it is not all there. */
  #readRequest(): boolean {
    const { input } = this;
    const exchange = this.#exchange;
    const { head, limits, handler } = this.#server;
    if (this.#partialHead && !input.hasHeadEnd()) return this.#awaitHead();
    const result = parseRequestHead(head, input.bytes, input.start, input.end);
    if (result === "incomplete") return this.#awaitHead();
    this.#partialHead = false;
    this.#phase = BUSY;
    this.#deadlineMs = NEVER;
    exchange.begin(head);
    if (result === "refused") exchange.refuse(head.refusal.status, head.refusal.reason);
    else if (head.targetEnd - head.targetStart > limits.targetBytes) exchange.refuse(414, "The URL is too long.");
    else if (head.end - head.start > limits.headBytes) exchange.refuse(431, "The headers are too large.");
    else {
      input.consume(head.end);
      exchange.body.begin(head.bodyLength, true);
      exchange.seen = true;
      try {
        handler.request(exchange, head);
      } catch (error) {
        this.fail(error);
      }
    }
    return true;
  }

  /** Waits for the rest of a head, within its limits. Returns false. */
  #awaitHead(): boolean {
    const { input } = this;
    const { limits } = this.#server;
    if (!this.#partialHead) {
      this.#partialHead = true;
      this.#deadlineMs = Math.min(this.#deadlineMs, this.#after(limits.headTimeoutMs));
      input.hasHeadEnd();
    }
    const lineBytes = limits.targetBytes + REQUEST_LINE_EXTRA_BYTES;
    const longLine =
      input.length > lineBytes && !input.bytes.subarray(input.start, input.start + lineBytes).includes(LF);
    if (longLine) this.#refuseHead(414, "The URL is too long.");
    else if (input.length > limits.headBytes) this.#refuseHead(431, "The headers are too large.");
    return false;
  }

  /** Refuses a head that has not come to its end. */
  #refuseHead(status: number, reason: string): void {
    this.#phase = BUSY;
    this.#server.head.clear();
    this.#exchange.begin(this.#server.head);
    this.#exchange.refuse(status, reason);
  }

  #expire(): void {
    if (this.#phase === READING && this.#partialHead) this.#refuseHead(408, "The headers took too long.");
    else if (this.#phase === READING || this.#phase === DISCARDING) this.closeGently();
    else if (this.#phase === BUSY) this.#exchange.refuse(408, "The request body took too long.");
    else this.destroy();
  }

  /** Leaves the socket to the handler, as if nothing had been read. */
  #handOver(chunk: Buffer): void {
    const { socket } = this;
    socket.pause();
    socket.off("data", this.#onData);
    socket.off("drain", this.#onDrain);
    socket.off("end", this.#onEnd);
    socket.off("finish", this.#onFinish);
    socket.off("close", this.#onClose);
    this.#phase = CLOSED;
    this.#server.removed(this);
    this.#server.handler.takeOver?.(socket, chunk);
  }

  #after(durationMs: number): number {
    return this.#server.ticker.nowMs + durationMs;
  }
}

function ignore(): void {}
