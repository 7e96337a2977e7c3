import type { Socket } from "node:net";
import type { EdgeCaller } from "../domain/messages.ts";
import type { PageText } from "./error-catalogue.ts";
import type { Meter } from "./meters.ts";
import type { Allowance } from "./quotas.ts";
import { colo } from "./ray.ts";
import type { Runner } from "./runners.ts";

/** What kind of error page the client can read. */
export type PageFormat = "html" | "json" | "text" | "xml";

/** The edge's memory for a client connection: what stays the same, and the request in progress. */
export interface Client {
  /** Fields that every request to a Worker gets, the same for the whole connection. */
  readonly workerFields: string;
  /** The same for requests to the API. */
  readonly apiFields: string;
  /** Set when it comes from a Worker of this platform, through services. */
  readonly caller: EdgeCaller | undefined;
  /** Such as `TLSv1.3`; "" when it is not encrypted. */
  readonly tlsVersion: string;
  /** Of the other end of the connection. */
  readonly address: string;
  /** `CF-Ray` of the request in progress. */
  ray: string;
  pageFormat: PageFormat;
  /** Where the request in progress goes. */
  destination: "none" | "api" | "api-client" | "storage" | "tails" | "worker";
  versionId: string;
  runner: Runner | undefined;
  /** How often a runner could not be reached. */
  unreachable: number;
  /** `http://` or `https://`. */
  readonly scheme: string;
  /** Why the request may not go to the Worker. */
  refusal: PageText | undefined;
  /** Early Hints to send when it goes there, or "". */
  interim: string;
  /** Where links of the Worker's answer are kept (see `WorkerHints`). */
  hintKey: string;
  /** Lines with CRLF that its answer gets besides, whoever answers; or "". */
  answerFields: string;
  /** What of it opened a protected address, and is not for the Worker. */
  credentials: "none" | "cookie" | "cookie and authorization";
  /** Counts the request in progress, which began at `startedMs` of `performance.now()`; absent when nobody wants to know. */
  meter: Meter | undefined;
  startedMs: number;
  /** Of the account whose code the request in progress may reach; absent where there is no quota. */
  allowance: Allowance | undefined;
  /** The Worker may answer with an image only (see `image-guard.ts`). */
  imageOnly: boolean;
}

interface TlsFacts {
  version: string;
  cipher: string;
}

/** Memory for a new connection; `tls` when it is encrypted, `caller` when it comes from a Worker of this platform. */
export function newClient(
  socket: Pick<Socket, "remoteAddress">,
  tls: TlsFacts | undefined,
  caller?: EdgeCaller,
): Client {
  const address = caller ? "" : clientAddress(socket.remoteAddress);
  const scheme = tls || caller?.secure ? "https" : "http";
  const forwarded = `X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: ${scheme}\r\n`;
  // For the runtime, which takes it off again; without it the scheme is http.
  const secure = scheme === "https" ? "X-Forwarded-Scheme: https\r\n" : "";
  const addresses = `CF-Connecting-IP: ${address}\r\nX-Real-IP: ${address}\r\n${forwarded}`;
  return {
    caller,
    workerFields:
      `${caller ? `X-Forwarded-Proto: ${scheme}\r\n` : addresses}${secure}` +
      `CF-Visitor: {"scheme":"${scheme}"}\r\nCF-IPCountry: XX\r\ncf-blob: ${requestProperties(tls)}\r\n`,
    apiFields: forwarded,
    tlsVersion: tls?.version ?? "",
    address,
    ray: "",
    pageFormat: "text",
    destination: "none",
    versionId: "",
    runner: undefined,
    unreachable: 0,
    scheme: `${scheme}://`,
    refusal: undefined,
    interim: "",
    hintKey: "",
    answerFields: "",
    credentials: "none",
    meter: undefined,
    startedMs: 0,
    allowance: undefined,
    imageOnly: false,
  };
}

/** `request.cf`, as JSON. What only a worldwide network can know is null, as in the original for unknown clients. */
function requestProperties(tls: TlsFacts | undefined): string {
  return JSON.stringify({
    colo,
    country: null,
    asn: null,
    httpProtocol: "HTTP/1.1",
    requestPriority: "",
    clientTcpRtt: 0,
    edgeRequestKeepAliveStatus: 1,
    tlsVersion: tls?.version ?? "",
    tlsCipher: tls?.cipher ?? "",
  });
}

/** The client's address, an IPv4 one as such also on a dual-stack listener. */
function clientAddress(remoteAddress: string | undefined): string {
  const address = remoteAddress ?? "";
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}
