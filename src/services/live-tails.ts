import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { TAIL_PATH } from "../domain/live-tail.ts";
import { removeFile } from "../lib/durable-file.ts";
import { createServer } from "../lib/http/node-http.ts";
import { handshakeProblem, offeredProtocols, ServerSocket } from "../lib/websocket/server-socket.ts";
import { TailSession } from "../observe/live/session.ts";
import type { TailSessions } from "../observe/live/sessions.ts";

/** The only sub-protocol that clients of live logs speak (`wrangler-api.md` 4.1). */
const PROTOCOL = "trace-v1";

/** The WebSockets of live logs, which edges hand over. */
export class LiveTails {
  readonly #sessions: TailSessions;
  readonly #server: Server;

  constructor(sessions: TailSessions) {
    this.#sessions = sessions;
    this.#server = createServer((request, response) => {
      request.resume();
      response.writeHead(426, { upgrade: "websocket", connection: "close", "content-type": "text/plain" });
      response.end("Live logs come over a WebSocket.");
    });
    this.#server.on("upgrade", (request, stream, head) => this.#connect(request, stream, head));
  }

  async listen(path: string): Promise<void> {
    await removeFile(path);
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(path, resolve);
    });
  }

  close(): void {
    this.#sessions.closeAll();
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  #connect(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on("error", () => {});
    const found = this.#find(request);
    if (found instanceof TailSession) this.#sessions.attach(found, new ServerSocket(request, stream, head, PROTOCOL));
    else {
      const [status, text] = found;
      const fields = `Content-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n`;
      stream.end(`HTTP/1.1 ${status}\r\n${fields}\r\n${text}`);
    }
  }

  /** The session that is asked for, or why not. */
  #find(request: IncomingMessage): TailSession | [status: string, text: string] {
    const problem = handshakeProblem(request);
    if (problem !== undefined) return ["400 Bad Request", problem];
    if (!offeredProtocols(request).includes(PROTOCOL))
      return ["400 Bad Request", `Live logs are the sub-protocol ${PROTOCOL}.`];
    const url = request.url ?? "";
    const session = url.startsWith(TAIL_PATH) ? this.#sessions.find(url.slice(TAIL_PATH.length)) : undefined;
    if (session === undefined) return ["404 Not Found", "This session of live logs is over. Begin another."];
    return session === "taken" ? ["409 Conflict", "Somebody listens to this session already."] : session;
  }
}
