import { BodyReader, CHUNKED, UNTIL_CLOSE } from "./body-reader.ts";
import type { UpstreamPool } from "./pool.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";
import { writeTogether } from "./rewrite.ts";
import type { HttpServer } from "./server.ts";
import type { ServerConnection } from "./server-connection.ts";
import { reasonPhrase } from "./status.ts";
import type { Loss, UpstreamConnection, UpstreamSink } from "./upstream.ts";
import { closeFrame, FrameTracker, INTERNAL_ERROR } from "./websocket-frames.ts";

/** What a server reads with the head for sure (workerd reads up to 4 KB before it looks). */
const ONE_READ_BYTES = 4096;

/** Where the rest of an answer comes from that `write` began. */
export interface BodySource {
  /** There is room for more: hand it to `Exchange.write`, and `Exchange.end` after the last. */
  resume(): void;
  /** Nobody wants the rest. */
  cancel(): void;
}

/** Where a request's body goes that `streamBody` hands on. */
export interface BodySink {
  /** A part of the body; it must not be changed. False: no more for now; `Exchange.resumeBody` asks for more. */
  write(bytes: Buffer): boolean;
  /** That was all. */
  end(): void;
  /** The rest will not come: the client is gone or sent nonsense, and what there is to answer has been answered. */
  cancel(): void;
}

/**
 * A request and its response: what a handler acts on. A connection has one exchange object and uses it for
 * one request after the other, so it is good until the answer is out. Either `respond`, or `prepare` and `send`, or `startAnswer`, `write` and `end`.
 * Back-pressure goes both ways, and no promise, timer or closure belongs to a request.
 */
export class Exchange<State> implements UpstreamSink {
  /** The handler's own memory for the connection. */
  readonly state: State;
  /** The request's body. */
  readonly body = new BodyReader();
  /** The connection takes another request after this one. */
  keepAlive = true;
  /** The handler has been given this request; false: it was refused before. */
  seen = false;
  readonly #server: HttpServer<State>;
  readonly #connection: ServerConnection<State>;
  #toHead = false;
  #minor = 1;
  #upgrade = false;
  #repeatable = false;
  #retried = false;
  #awaitingContinue = false;
  #bodyLength = 0;
  #maxBodyBytes = 0;
  #requestText = "";
  #responseText = "";
  #headSent = false;
  #pool: UpstreamPool | undefined;
  #upstream: UpstreamConnection | undefined;
  #source: BodySource | undefined;
  /** In a tunnel: what comes from upstream, and the code with which it is to be closed. */
  #frames: FrameTracker | undefined;
  #closeCode: number | undefined;
  /** Gets the body part by part; and whether it has asked for a pause. */
  #bodySink: BodySink | undefined;
  #bodyPaused = false;
  #ended = false;
  /** Where the body stood when it was answered. */
  #answeredAt = 0;

  constructor(server: HttpServer<State>, connection: ServerConnection<State>) {
    this.#server = server;
    this.#connection = connection;
    this.state = server.handler.opened(connection.socket);
  }

  // What handlers call.

  /** Notes what to send upstream: start line and fields of the request, with the empty line. `send` sends it. */
  prepare(requestText: string, maxBodyBytes: number): void {
    this.#requestText = requestText;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /**
   * Sends the prepared request to a server of the pool. May be called again after `failed` with `unreachable`.
   * Does nothing when the client is gone.
   */
  send(pool: UpstreamPool): void {
    if (!this.#connection.busy) return;
    if (this.#connection.halfClosed) {
      this.#connection.destroy();
      return;
    }
    if (this.#bodyLength > this.#maxBodyBytes) {
      this.refuse(413, "The request body is too large.");
      return;
    }
    this.#pool = pool;
    this.#attach(pool.take());
  }

  /**
   * Answers the request here. `fields` are lines with CRLF; length, date and connection are added. `reason` takes the
   * place of the usual reason phrase; it must be one that a status line can have. Does nothing when the client is gone.
   */
  respond(status: number, fields: string, body: string | Buffer, reason = reasonPhrase(status)): void {
    if (!this.#connection.busy) return;
    this.drop();
    this.#discardBody();
    if (!this.body.done) this.keepAlive = false;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const length = status === 204 ? "" : `Content-Length: ${bytes.length}\r\n`;
    const head =
      `HTTP/1.1 ${status} ${reason}\r\n${fields}Date: ${this.#server.ticker.date}\r\n` +
      `${length}${this.#connectionText()}\r\n`;
    writeTogether(this.#connection.socket, head, bytes, 0, this.#toHead ? 0 : bytes.length);
    this.#finish();
  }

  /**
   * Reads the request's whole body for the handler, and gives it to `taken`; or answers with 413 when it is longer than
   * `maxBytes`. Nothing is given when the client goes away.
   */
  takeBody(maxBytes: number, taken: (body: Buffer) => void): void {
    // Not copies: a packet's memory is its own, and stays good for who refers to it.
    const parts: Buffer[] = [];
    const sink: BodySink = {
      write: (bytes) => parts.push(bytes) > 0,
      end: () => taken(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)),
      cancel() {},
    };
    this.streamBody(sink, maxBytes);
  }

  /**
   * Hands the request's body on as it comes, or answers with 413 when it is longer than `maxBytes`.
   * The sink may answer before its end.
   */
  streamBody(sink: BodySink, maxBytes = Number.POSITIVE_INFINITY): void {
    this.#maxBodyBytes = maxBytes;
    this.#bodySink = sink;
    this.#bodyPaused = false;
    if (this.#bodyLength > maxBytes) {
      this.refuse(413, "The request body is too large.");
      return;
    }
    // Of a chunked body, the content alone.
    this.body.begin(this.#bodyLength, false);
    if (this.#awaitingContinue) this.upstreamInterim(100);
    this.#passBody();
  }

  /** The sink takes more. */
  resumeBody(): void {
    if (!this.#bodyPaused || this.#bodySink === undefined) return;
    this.#bodyPaused = false;
    this.#passBody();
  }

  /** What `prepare` noted, as long as the request is in progress; else "". */
  get prepared(): string {
    return this.#requestText;
  }

  /** Bytes that the request's head announced; below 0: not known. */
  get announcedBytes(): number {
    return this.#bodyLength;
  }

  /** Somebody waits for the answer. */
  get open(): boolean {
    return this.#connection.busy;
  }

  /** A server of a pool has the request. */
  get forwarded(): boolean {
    return this.#upstream !== undefined;
  }

  /** Sends an interim response: a whole head with its empty line. Does nothing for clients of HTTP/1.0, which know none. */
  interim(head: string): void {
    if (this.#connection.busy && this.#minor === 1) this.#connection.socket.write(head, "latin1");
  }

  /**
   * Begins an answer that the handler writes itself, head included: `write` what there is, then `end`.
   * Returns the line about the connection that the head must have, or "". Ask `open` before, if time has passed.
   */
  startAnswer(): string {
    this.drop();
    this.#discardBody();
    if (!this.body.done) this.keepAlive = false;
    this.#headSent = true;
    return this.#connectionText();
  }

  /**
   * Sends bytes of an answer; `text` goes before them. They must not change afterwards. False: they wait for the client;
   * go on when the source is told to.
   */
  write(text: string, bytes?: Buffer): boolean {
    const { socket } = this.#connection;
    if (bytes === undefined) socket.write(text, "latin1");
    else if (text === "") socket.write(bytes);
    else {
      socket.cork();
      socket.write(text, "latin1");
      socket.write(bytes);
      socket.uncork();
    }
    if (socket.writableLength === 0) return true;
    this.#connection.expectDrain();
    return !socket.writableNeedDrain;
  }

  /** The system has all that was written: its memory may be used again. */
  get flushed(): boolean {
    return this.#connection.socket.writableLength === 0;
  }

  /** The rest of the answer comes from `source`, which is told to begin. */
  writeFrom(source: BodySource): void {
    this.#source = source;
    source.resume();
  }

  /** The answer is complete. The next request is taken once the client keeps up, so that nothing piles up here. */
  end(): void {
    this.#source = undefined;
    if (this.#connection.socket.writableNeedDrain && this.#connection.socket.writableLength > 0) this.#ended = true;
    else this.#finish();
  }

  /** The answer cannot be completed: a response cut short must not look whole. */
  cut(): void {
    this.#connection.destroy();
  }

  // What the connection calls.

  begin(head: RequestHead): void {
    this.keepAlive = head.keepAlive;
    this.seen = false;
    this.#toHead = head.method === "HEAD";
    this.#minor = head.minor;
    this.#upgrade = head.upgrade;
    this.#bodyLength = head.bodyLength;
    this.#awaitingContinue = head.expectContinue;
    this.#repeatable = head.bodyLength === 0 && (head.method === "GET" || this.#toHead || head.method === "OPTIONS");
    this.#retried = false;
    this.#headSent = false;
    this.#responseText = "";
    this.#ended = false;
    this.#bodySink = undefined;
  }

  /** Answers what must not be carried further, and has the connection closed. */
  refuse(status: number, reason: string): void {
    this.drop();
    if (this.#headSent || this.#responseText !== "") {
      this.#connection.destroy();
      return;
    }
    this.keepAlive = false;
    this.#server.handler.refused(this, { status, reason });
  }

  /** Bytes of the request's body are in the input. False: they cannot go on now, nothing has been read. */
  receive(): boolean {
    if (this.#bodySink !== undefined) {
      if (this.#bodyPaused) return false;
      this.#passBody();
      return true;
    }
    if (this.body.done || !this.#upstream?.connected) return false;
    this.#sendBody("");
    return true;
  }

  /** More of a body has come that was answered without it. False: it is not worth to read on, or broken. */
  discard(): boolean {
    this.#discardBody();
    if (this.body.done) this.#finish();
    else if (this.body.received - this.#answeredAt > this.#server.limits.discardBytes) return false;
    return this.body.done || this.#connection.input.length === 0;
  }

  /** Bytes of the tunnel. False asks for a pause. */
  tunnel(bytes: Buffer): boolean {
    return this.#upstream?.socket.write(bytes) ?? true;
  }

  /** The client has finished its side of the tunnel. */
  endTunnel(): void {
    this.#upstream?.socket.end();
  }

  /** The client has taken what was written. */
  resume(): void {
    if (this.#source) this.#source.resume();
    else if (this.#ended) {
      this.#ended = false;
      this.#finish();
    } else this.#upstream?.socket.resume();
  }

  /** Lets go of the upstream, if there is one. */
  drop(): void {
    this.#upstream?.abandon();
    this.#upstream = undefined;
    this.#source?.cancel();
    this.#source = undefined;
    const sink = this.#bodySink;
    this.#bodySink = undefined;
    sink?.cancel();
  }

  /** Hands on what has come of a body that a sink takes. */
  #passBody(): void {
    try {
      this.#passBodyOn();
    } catch (error) {
      this.#connection.fail(error);
    }
  }

  #passBodyOn(): void {
    const { input } = this.#connection;
    const { body } = this;
    while (input.length > 0 && !body.done && !this.#bodyPaused) {
      const { bytes } = input;
      const at = body.next(bytes, input.start, input.end);
      if (at < 0 || body.received > this.#maxBodyBytes) {
        if (at < 0) this.refuse(400, "The request body is not well chunked.");
        else this.refuse(413, "The request body is too large.");
        return;
      }
      const { rangeStart, rangeEnd } = body;
      input.consume(at);
      if (rangeEnd > rangeStart && this.#bodySink?.write(bytes.subarray(rangeStart, rangeEnd)) === false)
        this.#bodyPaused = true;
      // It has been answered meanwhile.
      if (this.#bodySink === undefined) return;
    }
    if (body.done) {
      const sink = this.#bodySink;
      this.#bodySink = undefined;
      this.#connection.expectNothing();
      sink?.end();
    } else if (this.#bodyPaused) this.#connection.pause();
    else this.#expectBody();
  }

  // The request's way upstream.

  #attach(upstream: UpstreamConnection): void {
    this.#upstream = upstream;
    upstream.begin(this, this.#toHead, this.#minor === 1);
    if (upstream.connected) this.upstreamReady();
  }

  upstreamReady(): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    if (this.body.done) {
      upstream.requestSent = true;
      upstream.socket.write(this.#requestText, "latin1");
    } else this.#sendBody(this.#requestText);
  }

  /** Passes on what has come of the body, behind `prefix`. */
  #sendBody(prefix: string): void {
    const { input } = this.#connection;
    const { body } = this;
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    let head = prefix;
    let flowing = true;
    // Beyond what the server reads at once together with the head, or after it.
    if (prefix === "" || prefix.length + input.length > ONE_READ_BYTES) upstream.doubtful = true;
    while (input.length > 0 && !body.done) {
      this.#awaitingContinue = false;
      const { bytes } = input;
      const at = body.next(bytes, input.start, input.end);
      if (at < 0 || body.received > this.#maxBodyBytes) {
        if (at < 0) this.refuse(400, "The request body is not well chunked.");
        else this.refuse(413, "The request body is too large.");
        return;
      }
      input.consume(at);
      if (body.rangeEnd === body.rangeStart) continue;
      if (head === "") flowing = upstream.socket.write(bytes.subarray(body.rangeStart, body.rangeEnd));
      else flowing = writeTogether(upstream.socket, head, bytes, body.rangeStart, body.rangeEnd);
      head = "";
    }
    if (head !== "") flowing = upstream.socket.write(head, "latin1");
    if (body.done) {
      upstream.requestSent = true;
      this.#connection.expectNothing();
      return;
    }
    upstream.doubtful = true;
    if (flowing) this.#expectBody();
    else this.#connection.pause();
  }

  #expectBody(): void {
    if (this.#awaitingContinue) this.#connection.expectNothing();
    else this.#connection.expectBody();
  }

  upstreamDrain(): void {
    if (!this.#connection.busy) this.#connection.socket.resume();
    else if (!this.body.done) this.#expectBody();
  }

  // The response's way to the client.

  upstreamInterim(status: number): void {
    if (status !== 100 || !this.#awaitingContinue) return;
    this.#awaitingContinue = false;
    this.#connection.socket.write("HTTP/1.1 100 Continue\r\n\r\n", "latin1");
    this.#connection.expectBody();
  }

  upstreamHead(head: ResponseHead): void {
    const upstream = this.#upstream;
    if (head.status === 101 && !this.#upgrade) {
      this.drop();
      this.#server.handler.failed(this, "invalid");
      return;
    }
    const text = this.#server.handler.response(this, head);
    if (text === undefined) {
      // By now the answer may be out and the next request under way: let go of this upstream only.
      upstream?.abandon();
      if (this.#upstream === upstream) this.#upstream = undefined;
    } else if (head.status === 101) this.#openTunnel(text);
    else this.#responseText = text + this.#framing(head.bodyLength);
  }

  /** The engine's own lines of a response head, with the empty line. */
  #framing(length: number): string {
    if (length === UNTIL_CLOSE || (length === CHUNKED && this.#minor === 0)) this.keepAlive = false;
    const coding = length === CHUNKED && this.#minor === 1 ? "Transfer-Encoding: chunked\r\n" : "";
    return `${coding}${this.#connectionText()}\r\n`;
  }

  /** The Connection line of a response; decides whether the connection is kept. */
  #connectionText(): string {
    if (this.#server.draining) this.keepAlive = false;
    if (!this.keepAlive) return "Connection: close\r\n";
    return this.#minor === 0 ? "Connection: keep-alive\r\n" : "";
  }

  #openTunnel(text: string): void {
    this.#responseText = `${text}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    const { input } = this.#connection;
    this.#connection.becomeTunnel();
    this.#frames = new FrameTracker();
    if (input.length > 0) this.tunnel(input.bytes.subarray(input.start, input.end));
    input.consume(input.end);
  }

  upstreamBody(bytes: Buffer, start: number, end: number): void {
    const { socket } = this.#connection;
    const head = this.#responseText;
    let flowing: boolean;
    if (head !== "") {
      this.#responseText = "";
      this.#headSent = true;
      flowing = writeTogether(socket, head, bytes, start, end);
    } else flowing = socket.write(end - start === bytes.length ? bytes : bytes.subarray(start, end));
    if (flowing) return;
    this.#upstream?.socket.pause();
    this.#connection.expectDrain();
  }

  upstreamTunnel(bytes: Buffer, start: number, end: number): void {
    const at = this.#frames?.read(bytes, start, end, this.#closeCode !== undefined) ?? end;
    this.upstreamBody(bytes, start, at);
    if (this.#closeCode !== undefined) this.closeTunnel(this.#closeCode);
  }

  closeTunnel(code: number): void {
    this.#closeCode = code;
    if (!this.#frames?.atBoundary) return;
    this.upstreamFlush();
    this.sayClose(code);
    this.#connection.closeGently();
  }

  /** Tells the client of a WebSocket why it ends, if the Worker has not, and if its last frame is whole. */
  sayClose(code: number): void {
    const frames = this.#frames;
    if (!frames?.atBoundary || frames.closed) return;
    frames.closed = true;
    this.#connection.socket.write(closeFrame(code));
  }

  upstreamFlush(): void {
    if (this.#responseText === "") return;
    this.#headSent = true;
    this.#connection.socket.write(this.#responseText, "latin1");
    this.#responseText = "";
  }

  upstreamEnd(): void {
    if (!this.#connection.busy) {
      this.sayClose(INTERNAL_ERROR);
      this.#connection.endTunnel();
      return;
    }
    this.upstreamFlush();
    this.#upstream = undefined;
    this.#discardBody();
    if (!this.body.done && this.keepAlive && !this.#awaitingContinue) {
      this.#answeredAt = this.body.received;
      if (this.#bodyLength - this.#answeredAt <= this.#server.limits.discardBytes) {
        this.#connection.discardBody();
        return;
      }
    }
    this.#finish();
  }

  upstreamLost(loss: Loss, upstream: UpstreamConnection): void {
    this.#upstream = undefined;
    // A tunnel: what has come is still delivered. Otherwise: a response cut short must not look whole.
    if (!this.#connection.busy) {
      this.sayClose(this.#closeCode ?? INTERNAL_ERROR);
      this.#connection.closeGently();
    } else if (this.#headSent || this.#responseText !== "") this.#connection.destroy();
    else if (this.#pool && loss === "lost" && this.#mayRepeat(upstream)) {
      this.#retried = true;
      this.#attach(this.#pool.connect());
    } else this.#server.handler.failed(this, this.#retried ? "lost" : loss);
  }

  /** The server closed an idle connection just as we used it: a harmless request may be sent once more. */
  #mayRepeat(upstream: UpstreamConnection): boolean {
    return upstream.used && !upstream.answered && this.#repeatable && !this.#retried;
  }

  #finish(): void {
    this.#requestText = "";
    this.#pool = undefined;
    this.#connection.finish(this.keepAlive && this.body.done);
  }

  /** Reads over the part of an unwanted body that is already here. */
  #discardBody(): void {
    const { input } = this.#connection;
    while (!this.body.done && input.length > 0) {
      const at = this.body.next(input.bytes, input.start, input.end);
      if (at < 0) return;
      input.consume(at);
    }
  }
}
