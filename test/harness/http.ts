import { readFileSync } from "node:fs";
import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
  request,
} from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { text } from "node:stream/consumers";

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  json(): unknown;
}

export interface FetchOptions {
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Uint8Array;
  agent?: Agent;
  timeoutMs?: number;
  /** File of the authority to trust, when it is not the platform's. */
  authority?: string;
  /** The newest version of TLS to offer, when an older one is to be tried. */
  maxTls?: "TLSv1.2";
}

/** Names that this client may ask for, the ones reserved for documentation among them; all lead to this machine. */
const LOCAL_NAMES = /(^|\.)(localhost|example\.(com|org|net))$|^127\./;

function secureAgent(authorityFile: string, maxVersion?: "TLSv1.2"): SecureAgent {
  return new SecureAgent({ keepAlive: false, ca: readFileSync(authorityFile), ...(maxVersion && { maxVersion }) });
}

/** Browsers resolve `*.localhost` to the loopback address themselves; so does this client. */
export const loopbackLookup: LookupFunction = (_hostname, options, callback) => {
  if (options.all) callback(null, [{ address: "127.0.0.1", family: 4 }]);
  else callback(null, "127.0.0.1", 4);
};

/** Opens requests to `*.localhost` over HTTP and, trusting the given authority, HTTPS. */
export class LocalClient {
  #authorityFile: string;
  #secureAgent: SecureAgent | undefined;
  #plainAgent = new Agent({ keepAlive: false });

  constructor(authorityFile: string) {
    this.#authorityFile = authorityFile;
  }

  /** Starts a request and leaves bodies to the caller. */
  open(address: string, options: FetchOptions = {}): ClientRequest {
    const url = new URL(address);
    if (!LOCAL_NAMES.test(url.hostname)) throw new Error(`${url.hostname} is not a local host`);
    const settings: RequestOptions = {
      method: options.method ?? "GET",
      headers: options.headers ?? {},
      lookup: loopbackLookup,
    };
    if (url.protocol === "http:") return request(url, { ...settings, agent: options.agent ?? this.#plainAgent });
    this.#secureAgent ??= secureAgent(this.#authorityFile);
    const agent = options.authority ? secureAgent(options.authority, options.maxTls) : this.#secureAgent;
    return secureRequest(url, { ...settings, agent });
  }

  /** One request, its whole answer as text. */
  async fetch(address: string, options: FetchOptions = {}): Promise<Reply> {
    const outgoing = this.open(address, options);
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`no answer from ${address} within ${options.timeoutMs ?? 30_000} ms`)),
      options.timeoutMs ?? 30_000,
    );
    try {
      const answered = response(outgoing);
      outgoing.end(options.body);
      const incoming = await answered;
      const body = await text(incoming);
      return {
        status: incoming.statusCode ?? 0,
        headers: incoming.headers,
        body,
        json: () => JSON.parse(body) as unknown,
      };
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The answer's head, or the request's error. */
export function response(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.on("error", reject);
  });
}
