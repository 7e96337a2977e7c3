import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { closeFrame } from "../http/websocket-frames.ts";
import { type Frame, FrameReader, frame, opcodes } from "./frames.ts";

/** Appended to a client's key (RFC 6455 1.3). */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** A message of the client; those we serve say next to nothing. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** Bytes that may wait for a client; who takes nothing is let go. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;
/** How long the client has to answer our Close frame. */
const CLOSE_TIMEOUT_MS = 2_000;

/** A request that asks to become a WebSocket: what is wrong with it, or undefined. */
export function handshakeProblem({ method, headers }: IncomingMessage): string | undefined {
  if (method !== "GET") return "A WebSocket begins with a GET request.";
  if (headers["sec-websocket-version"] !== "13") return "Sec-WebSocket-Version must be 13.";
  const key = headers["sec-websocket-key"] ?? "";
  return Buffer.from(key, "base64").length === 16 ? undefined : "Sec-WebSocket-Key must be 16 bytes in base64.";
}

/** Sub-protocols that the client offers. */
export function offeredProtocols({ headers }: IncomingMessage): string[] {
  return (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
}

/** A WebSocket from the server's side, for sending text. What the client says is read and dropped, but for its first message. */
export class ServerSocket {
  /** Called once, with the text of the client's first message. */
  onFirstMessage: ((text: string) => void) | undefined;
  /** Called once, when nothing can be sent any more. */
  onClose: (() => void) | undefined;
  readonly #stream: Duplex;
  readonly #reader = new FrameReader(MAX_MESSAGE_BYTES);
  #closing = false;
  #gone = false;
  #awaitsPong = false;

  /** Answers the handshake, which must be sound (see {@link handshakeProblem}). `head`: what came behind it. */
  constructor(request: IncomingMessage, stream: Duplex, head: Buffer, protocol: string) {
    this.#stream = stream;
    const key = request.headers["sec-websocket-key"] ?? "";
    const accept = createHash("sha1").update(`${key}${KEY_SUFFIX}`).digest("base64");
    stream.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    );
    stream.on("data", (bytes: Buffer) => this.#read(bytes));
    stream.on("end", () => stream.end());
    stream.on("error", () => {});
    stream.on("close", () => this.#ended());
    if (head.length > 0) this.#read(head);
  }

  /** Bytes that wait for the client to take them. */
  get bufferedBytes(): number {
    return this.#stream.writableLength;
  }

  /** Sends a frame as `frame` makes it. Does nothing once the socket closes. */
  send(bytes: Buffer): void {
    if (this.#closing) return;
    if (this.bufferedBytes > MAX_BUFFERED_BYTES) this.#stream.destroy();
    else this.#stream.write(bytes);
  }

  /** Asks whether the client is there; one that has not answered the question before is let go. */
  probe(): void {
    if (this.#awaitsPong) this.#stream.destroy();
    this.#awaitsPong = true;
    this.send(frame(opcodes.ping, ""));
  }

  /** Says goodbye. `reason`: at most 123 characters of ASCII. */
  close(code: number, reason: string): void {
    if (this.#closing) return;
    this.send(closeFrame(code, reason));
    this.#closing = true;
    setTimeout(() => this.#stream.destroy(), CLOSE_TIMEOUT_MS).unref();
    this.#ended();
  }

  #read(bytes: Buffer): void {
    for (const read of this.#reader.read(bytes)) {
      if ("code" in read) {
        this.close(read.code, "");
        this.#stream.end();
        return;
      }
      this.#take(read);
    }
  }

  #take({ opcode, payload, final }: Frame): void {
    if (opcode === opcodes.ping) this.send(frame(opcodes.pong, payload));
    else if (opcode === opcodes.pong) this.#awaitsPong = false;
    else if (opcode === opcodes.close) {
      // The answer to ours, or ours is the answer.
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1000;
      this.close(code, "");
      this.#stream.end();
    } else {
      const tell = this.onFirstMessage;
      this.onFirstMessage = undefined;
      if (opcode === opcodes.text && final) tell?.(payload.toString());
    }
  }

  #ended(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.onClose?.();
  }
}
