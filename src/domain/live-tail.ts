/** Live logs: what control and services say to each other, and where clients connect. */

/** On the host of the API, behind which a session's secret follows: WebSockets there are for services, not for control. */
export const TAIL_PATH = "/client/v4/tails/";

/** One condition; an invocation is reported when all of a session's hold (`wrangler-api.md` 4.1). */
export type TailFilter =
  /** The share of invocations, between 0 and 1. */
  | { sampling_rate: number }
  | { outcome: string[] }
  /** Of requests; other events never match, and so with the next two. */
  | { method: string[] }
  | { header: { key: string; query?: string } }
  /** Addresses of clients. */
  | { client_ip: string[] }
  /** Text in what was logged. */
  | { query: string }
  | { scriptVersion: string };

/** `POST /tails/<account>/<script>` of services, and what it answers. */
export interface OpenTail {
  filters: TailFilter[];
  /** What messages call the script, when not by its name. */
  scriptName?: string;
  /** The script's other sessions end. */
  replace?: true;
}

export interface OpenedTail {
  id: string;
  /** Opens the WebSocket, once. */
  secret: string;
  expiresMs: number;
}
