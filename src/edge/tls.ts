import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import { edgeLimits } from "./limits.ts";

export interface CertificatePaths {
  certificate: string;
  key: string;
}

/** First byte of a TLS handshake record; no HTTP request begins so. */
const HANDSHAKE = 0x16;

export function isTls(chunk: Buffer): boolean {
  return chunk[0] === HANDSHAKE;
}

/**
 * TLS on the plain port: takes over sockets whose first byte is a handshake and gives back encrypted ones.
 * Node's TLS is loaded only when there is a certificate.
 */
export class TlsFront {
  readonly #paths: CertificatePaths;
  readonly #accept: (socket: TLSSocket) => void;
  #server: Server | undefined;
  #loaded = "";

  constructor(paths: CertificatePaths, accept: (socket: TLSSocket) => void) {
    this.#paths = paths;
    this.#accept = accept;
  }

  /** Reads the certificate, if there is one and it has changed. Without one, TLS connections are closed. */
  async load(): Promise<void> {
    const files = await Promise.all([readFile(this.#paths.certificate), readFile(this.#paths.key)]).catch(() => {});
    if (!files) return;
    const [cert, key] = files;
    const loaded = `${cert}${key}`;
    if (loaded === this.#loaded) return;
    if (this.#server) this.#server.setSecureContext({ cert, key });
    else this.#server = await this.#start(cert, key);
    this.#loaded = loaded;
  }

  /** Takes a socket from which `chunk` has been read. */
  takeOver(socket: Socket, chunk: Buffer): void {
    if (!this.#server) {
      socket.destroy();
      return;
    }
    socket.unshift(chunk);
    this.#server.emit("connection", socket);
  }

  async #start(cert: Buffer, key: Buffer): Promise<Server> {
    const { createServer } = await import("node:tls");
    const server = createServer({
      cert,
      key,
      ALPNProtocols: ["http/1.1"],
      allowHalfOpen: true,
      handshakeTimeout: edgeLimits.tlsHandshakeMs,
    });
    server.on("secureConnection", this.#accept);
    // A failed handshake is the client's affair; Node has destroyed the socket.
    server.on("tlsClientError", () => {});
    return server;
  }
}
