import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import type { SecureContext, Server, TLSSocket } from "node:tls";
import { closest } from "../domain/certified-domains.ts";
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
  readonly #pathsOf: (domain: string) => CertificatePaths;
  readonly #accept: (socket: TLSSocket) => void;
  #server: Server | undefined;
  #loaded = "";
  /** Domains with certificates of their own, each read when a client first asks for it. */
  #domains: ReadonlySet<string> = new Set();
  readonly #contexts = new Map<string, Promise<SecureContext | undefined>>();

  /** `pathsOf`: where the certificate of a domain of {@link load} is. */
  constructor(
    paths: CertificatePaths,
    pathsOf: (domain: string) => CertificatePaths,
    accept: (socket: TLSSocket) => void,
  ) {
    this.#paths = paths;
    this.#pathsOf = pathsOf;
    this.#accept = accept;
  }

  /** Reads the certificate, if there is one and it has changed. Without one, TLS connections are closed. */
  async load(domains: string[] = []): Promise<void> {
    this.#domains = new Set(domains);
    this.#contexts.clear();
    const files = await readPair(this.#paths);
    if (!files) return;
    const { cert, key } = files;
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
      SNICallback: (name, done) => void this.#contextFor(name).then((context) => done(null, context)),
      ALPNProtocols: ["http/1.1"],
      allowHalfOpen: true,
      handshakeTimeout: edgeLimits.tlsHandshakeMs,
    });
    server.on("secureConnection", this.#accept);
    // A failed handshake is the client's affair; Node has destroyed the socket.
    server.on("tlsClientError", () => {});
    return server;
  }

  /** Undefined: that of the base domain. */
  #contextFor(name: string): Promise<SecureContext | undefined> {
    const domain = closest(this.#domains, name.toLowerCase());
    if (domain === undefined) return Promise.resolve(undefined);
    let context = this.#contexts.get(domain);
    if (!context) {
      if (this.#contexts.size >= edgeLimits.tlsContexts) this.#contexts.clear();
      context = readContext(this.#pathsOf(domain));
      this.#contexts.set(domain, context);
    }
    return context;
  }
}

async function readContext(paths: CertificatePaths): Promise<SecureContext | undefined> {
  const files = await readPair(paths);
  if (!files) return undefined;
  const { createSecureContext } = await import("node:tls");
  try {
    return createSecureContext(files);
  } catch (error) {
    console.error(`The certificate ${paths.certificate} cannot be used:`, error);
    return undefined;
  }
}

/** Undefined when a file is missing. */
async function readPair(paths: CertificatePaths): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  try {
    const [cert, key] = await Promise.all([readFile(paths.certificate), readFile(paths.key)]);
    return { cert, key };
  } catch {
    return undefined;
  }
}
