/** Bounds of the HTTP engine. Every one may be overridden, in tests above all. */
export interface HttpLimits {
  /** Bytes of a message head, request or response. */
  headBytes: number;
  /** Bytes of a request target. */
  targetBytes: number;
  /** Time from a request's first byte (or from accept) to its complete head. */
  headTimeoutMs: number;
  /** Time a client connection may wait for its next request. */
  keepAliveMs: number;
  /** Time without a byte of a request body that we are ready to take. */
  bodyStallMs: number;
  /** Time a client may take none of a response that waits for it. */
  sendStallMs: number;
  /** Time for which a refused client is read on, so that it sees the answer and not a reset. */
  lingerMs: number;
  /** Bytes of a request's body that are read over after its answer, so that the connection can take the next request. */
  discardBytes: number;
  /** Time for which one direction of a tunnel may outlive the other. */
  halfClosedMs: number;
  /** Time in which a client without a request may still send one, its last, once we are to end. */
  drainIdleMs: number;
  /** Bytes read ahead of the request in progress (pipelining) before reading pauses. */
  readAheadBytes: number;
  /** Client connections of one server. */
  connections: number;
}

export const httpLimits: HttpLimits = {
  // "request headers, response headers: 128 KB total each; URL 16 KB" (workers-semantics.md 4.1).
  headBytes: 128 * 1024,
  targetBytes: 16 * 1024,
  // nginx gives 60 s for a head; half of it bears slow networks and costs an attacker twice as much.
  headTimeoutMs: 30_000,
  // nginx's keepalive_timeout.
  keepAliveMs: 75_000,
  // nginx's client_body_timeout and send_timeout.
  bodyStallMs: 60_000,
  sendStallMs: 60_000,
  // nginx's lingering_timeout.
  lingerMs: 5_000,
  // What a client has sent before it can see the answer; more of it costs more than a new connection.
  discardBytes: 1024 * 1024,
  halfClosedMs: 60_000,
  // A busy client's next request is on the way; an idle one will not miss us.
  drainIdleMs: 1_000,
  readAheadBytes: 64 * 1024,
  // A process may hold 64 Ki descriptors on common systems; a client needs two of them.
  connections: 16_384,
};

/** Most fields in a head. Field tables are fixed arrays of this size. */
export const MAX_FIELDS = 1000;

/** Bytes of a host with its port: a DNS name has 253, an address in brackets fewer. */
export const MAX_HOST_BYTES = 255 + ":65535".length;

/** Bytes of all Connection headers of a request: taking such a list apart costs far more than reading it. */
export const MAX_CONNECTION_BYTES = 2048;

/** Bytes of chunk extensions in one chunk; we drop them, so only abuse needs more. */
export const MAX_CHUNK_EXTENSION_BYTES = 256;

/** Bytes of chunk extensions, and of trailers, in one body (Node's own limit, CVE-2024-22019). */
export const MAX_BODY_OVERHEAD_BYTES = 16 * 1024;

/** Hexadecimal digits of a chunk size: 13 keep it below 2^53. */
export const MAX_CHUNK_SIZE_DIGITS = 13;

/** How often time-outs are looked at: they come true up to this much late. */
export const TICK_MS = 500;
