import { connect, type Socket } from "node:net";

/**
 * Sends bytes as they are and collects what comes back until the peer closes, whatever the pauses in between: the last request must
 * be one that ends the connection. A peer that leaves it open is given up after half a minute.
 */
export function exchange(port: number, bytes: string | Uint8Array): Promise<{ text: string; closed: boolean }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    let text = "";
    const finish = (closed: boolean) => {
      socket.destroy();
      resolve({ text, closed });
    };
    const timer = setTimeout(() => finish(false), 30_000);
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("close", () => {
      clearTimeout(timer);
      finish(true);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
    });
    socket.write(bytes);
  });
}

/** Status codes of the answers in a stream of raw HTTP. */
export function statusLines(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

const PING = 9;
const PONG = 10;

interface Frame {
  opcode: number;
  payload: Buffer;
}

/** A WebSocket client of the least kind: text and binary frames below 64 KiB, close. Pings are answered, and not shown. */
export class RawWebSocket {
  readonly status: number;
  readonly socket: Socket;
  #buffer: Buffer;
  #frames: Frame[] = [];
  #waiting: ((frame: Frame | undefined) => void)[] = [];
  #ended = false;

  private constructor(socket: Socket, status: number, rest: Buffer) {
    this.socket = socket;
    this.status = status;
    this.#buffer = rest;
    socket.on("data", (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#parse();
    });
    const end = () => {
      this.#ended = true;
      for (const waiting of this.#waiting.splice(0)) waiting(undefined);
    };
    socket.on("close", end);
    socket.on("error", end);
    this.#parse();
  }

  static open(port: number, host: string, path: string, headers: Record<string, string> = {}): Promise<RawWebSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.on("error", reject);
      const lines = Object.entries({
        Host: `${host}:${port}`,
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        ...headers,
      }).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
      let head = Buffer.alloc(0);
      const read = (chunk: Buffer) => {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        socket.off("data", read);
        const status = Number(head.toString("latin1").match(/^HTTP\/1\.1 (\d{3})/)?.[1] ?? 0);
        resolve(new RawWebSocket(socket, status, head.subarray(end + 4)));
      };
      socket.on("data", read);
      socket.on("close", () => reject(new Error("closed before the answer to the upgrade")));
    });
  }

  send(payload: string | Uint8Array, opcode = typeof payload === "string" ? 1 : 2): void {
    const bytes = Buffer.from(payload as string);
    const mask = Buffer.from([1, 2, 3, 4]);
    const masked = bytes.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    const head =
      bytes.length < 126
        ? Buffer.from([0x80 | opcode, 0x80 | bytes.length])
        : Buffer.from([0x80 | opcode, 0xfe, bytes.length >> 8, bytes.length & 0xff]);
    this.socket.write(Buffer.concat([head, mask, masked]));
  }

  close(code = 1000): void {
    this.send(new Uint8Array([code >> 8, code & 0xff]), 8);
  }

  /** The next frame; undefined when the connection has ended. */
  next(): Promise<Frame | undefined> {
    const frame = this.#frames.shift();
    if (frame || this.#ended) return Promise.resolve(frame);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #parse(): void {
    for (;;) {
      const first = this.#buffer[0];
      const second = this.#buffer[1];
      if (first === undefined || second === undefined) return;
      const short = second & 0x7f;
      const start = short === 126 ? 4 : 2;
      if (this.#buffer.length < start) return;
      const length = short === 126 ? this.#buffer.readUInt16BE(2) : short;
      if (this.#buffer.length < start + length) return;
      const frame = { opcode: first & 0x0f, payload: Buffer.from(this.#buffer.subarray(start, start + length)) };
      this.#buffer = this.#buffer.subarray(start + length);
      if (frame.opcode === PING) {
        this.send(frame.payload, PONG);
        continue;
      }
      const waiting = this.#waiting.shift();
      if (waiting) waiting(frame);
      else this.#frames.push(frame);
    }
  }
}
