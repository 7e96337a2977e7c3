import { BodyReader, UNTIL_CLOSE } from "./body-reader.ts";
import { INCOMPLETE } from "./head.ts";
import { InputBuffer } from "./input-buffer.ts";
import type { UpstreamPool } from "./pool.ts";
import { parseResponseHead, type ResponseHead } from "./response-head.ts";
import { UpstreamSocket } from "./upstream-socket.ts";

/**
 * Why an upstream gave no whole response. `unreachable`: it took no connection, so it has seen nothing of the
 * request. `lost`: the connection ended early. `invalid`: what it sent is not HTTP.
 */
export type Loss = "unreachable" | "lost" | "invalid";

/** Whoever waits for a response. Called synchronously as packets come in. */
export interface UpstreamSink {
  /** The connection stands: write the request to `socket`, and set `requestSent` once it is out. */
  upstreamReady(): void;
  /** An interim response other than 101. */
  upstreamInterim(status: number): void;
  /** The response's head; valid only during the call. */
  upstreamHead(head: ResponseHead): void;
  /** Bytes of the response's body. */
  upstreamBody(bytes: Buffer, start: number, end: number): void;
  /** Bytes of the tunnel after 101. */
  upstreamTunnel(bytes: Buffer, start: number, end: number): void;
  /** The tunnel is to be closed, with this code, where a frame ends. */
  closeTunnel(code: number): void;
  /** No more from this packet. */
  upstreamFlush(): void;
  /** The response is complete, or the tunnel's other end has finished sending. */
  upstreamEnd(): void;
  upstreamLost(loss: Loss, upstream: UpstreamConnection): void;
  /** What was written has gone out; write on. */
  upstreamDrain(): void;
}

const IDLE = 0;
const HEAD = 1;
const BODY = 2;
const TUNNEL = 3;
const CLOSED = 4;

/** A connection to an HTTP/1.1 server on a unix socket, used for one request after the other. */
export class UpstreamConnection {
  readonly socket = new UpstreamSocket({ allowHalfOpen: true });
  connected = false;
  /** It has served a request before this one, so the server may have closed it meanwhile. */
  used = false;
  /** Bytes of a response to this request have come. */
  answered = false;
  /** The whole request has been written: the connection may serve another after the response. */
  requestSent = false;
  /**
   * The request took more than one write, so the server may have answered before it came whole: workerd then closes
   * the connection a moment after its answer.
   */
  doubtful = false;
  /** The pool's: place in its list, and when it went idle. */
  slot = -1;
  idleSinceMs = 0;

  readonly #pool: UpstreamPool;
  readonly #input = new InputBuffer();
  readonly #body = new BodyReader();
  #sink: UpstreamSink | undefined;
  #phase = IDLE;
  #toHead = false;
  #keepFraming = true;
  #keepAlive = false;
  #partialHead = false;

  constructor(pool: UpstreamPool) {
    this.#pool = pool;
    const { socket } = this;
    socket.on("connect", () => {
      this.connected = true;
      this.#sink?.upstreamReady();
    });
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("drain", () => this.#sink?.upstreamDrain());
    socket.on("end", () => this.#ended());
    socket.on("error", ignore);
    socket.on("close", () => this.#lose(this.connected ? "lost" : "unreachable"));
    socket.connect({ path: pool.path });
  }

  get idle(): boolean {
    return this.#phase === IDLE;
  }

  /** Makes it expect a response for `sink`. `keepFraming`: see {@link BodyReader.begin}. */
  begin(sink: UpstreamSink, toHead: boolean, keepFraming: boolean): void {
    this.#sink = sink;
    this.#phase = HEAD;
    this.#toHead = toHead;
    this.#keepFraming = keepFraming;
    this.answered = false;
    this.requestSent = false;
    this.doubtful = false;
  }

  /** Closes it, whatever it does; the sink hears nothing more. */
  abandon(): void {
    if (this.#phase === CLOSED) return;
    const wasIdle = this.#phase === IDLE;
    this.#phase = CLOSED;
    this.#sink = undefined;
    this.socket.destroy();
    this.#pool.removed(this, wasIdle);
  }

  /** Has its tunnel closed, if it is one. */
  closeTunnel(code: number): void {
    if (this.#phase === TUNNEL) this.#sink?.closeTunnel(code);
  }

  /** Closes it as if the server had: the sink is told. */
  fail(): void {
    this.#lose("lost");
  }

  #receive(chunk: Buffer): void {
    switch (this.#phase) {
      case HEAD:
        this.answered = true;
        this.#input.append(chunk);
        this.#readHead();
        break;
      case BODY:
        this.#readBody(chunk, 0, chunk.length);
        break;
      case TUNNEL:
        this.#sink?.upstreamTunnel(chunk, 0, chunk.length);
        break;
      case IDLE:
        // Nobody asked: such bytes must never become the answer to a later request.
        this.abandon();
    }
  }

  #readHead(): void {
    const input = this.#input;
    const { head, limits } = this.#pool;
    while (input.length > 0) {
      if (this.#partialHead && !input.hasHeadEnd()) {
        if (input.length > limits.headBytes) this.#lose("invalid");
        return;
      }
      const at = parseResponseHead(head, input.bytes, input.start, input.end, this.#toHead);
      this.#partialHead = at === INCOMPLETE;
      if (at === INCOMPLETE) {
        input.hasHeadEnd();
        return;
      }
      if (at < 0 || at - head.start > limits.headBytes) {
        this.#lose("invalid");
        return;
      }
      if (head.status < 200 && head.status !== 101) {
        input.consume(at);
        this.#sink?.upstreamInterim(head.status);
        continue;
      }
      const end = input.end;
      input.consume(end);
      this.#begin(head, at, end);
      return;
    }
  }

  #begin(head: ResponseHead, at: number, end: number): void {
    const bytes = head.bytes;
    if (head.status === 101) {
      this.#phase = TUNNEL;
      this.#sink?.upstreamHead(head);
      if (at < end) this.#sink?.upstreamTunnel(bytes, at, end);
      this.#sink?.upstreamFlush();
      if (this.#pool.tunnelsEnd !== undefined) this.closeTunnel(this.#pool.tunnelsEnd);
      return;
    }
    this.#phase = BODY;
    this.#keepAlive = head.keepAlive && head.bodyLength !== UNTIL_CLOSE;
    this.#body.begin(head.bodyLength, this.#keepFraming);
    this.#sink?.upstreamHead(head);
    if (this.#phase === BODY) this.#readBody(bytes, at, end);
  }

  #readBody(bytes: Buffer, from: number, end: number): void {
    const body = this.#body;
    let at = from;
    while (at < end && !body.done) {
      at = body.next(bytes, at, end);
      if (at < 0) {
        this.#lose("invalid");
        return;
      }
      if (body.rangeEnd > body.rangeStart) this.#sink?.upstreamBody(bytes, body.rangeStart, body.rangeEnd);
      if (this.#phase !== BODY) return;
    }
    if (body.done) this.#finish(at === end);
    else this.#sink?.upstreamFlush();
  }

  #finish(clean: boolean): void {
    const sink = this.#sink;
    if (clean && this.#keepAlive && this.requestSent && !this.socket.writeFailed) {
      this.#sink = undefined;
      this.#phase = IDLE;
      this.used = true;
      // A reader that asked for a pause cannot ask for more once it let go.
      if (this.socket.isPaused()) this.socket.resume();
      this.#pool.put(this);
    } else this.abandon();
    sink?.upstreamEnd();
  }

  #ended(): void {
    if (this.#phase === TUNNEL) this.#sink?.upstreamEnd();
    else if (this.#phase === BODY && this.#body.untilClose) this.#finish(false);
    else this.#lose("lost");
  }

  #lose(loss: Loss): void {
    const sink = this.#sink;
    this.abandon();
    sink?.upstreamLost(loss, this);
  }
}

function ignore(): void {}
