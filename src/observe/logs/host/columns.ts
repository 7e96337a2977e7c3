/** A stored event: a line of a segment is one in JSON, a row of a packed file has a column for each field. */
export interface StoredEvent {
  id: string;
  /** Milliseconds since 1970. */
  t: number;
  /** How many it stands for: 1 / rate of sampling. */
  n: number;
  /** `cf-worker-event`: the invocation itself; `cf-worker`: what it logged or threw; `freehold-notice`: ours. */
  type: string;
  level: string;
  message: string;
  error?: string;
  trigger: string;
  origin: string;
  request: string;
  ray?: string;
  /** Name of the script. */
  service: string;
  version: string;
  outcome: string;
  /** Of the response. */
  status?: number;
  /** Milliseconds; of the invocation itself. */
  wall?: number;
  cpu?: number;
  /** JSON of `source`. */
  source: string;
  /** JSON of `$workers`. */
  workers: string;
}

export const columns: Record<keyof StoredEvent, "VARCHAR" | "BIGINT" | "DOUBLE"> = {
  id: "VARCHAR",
  t: "BIGINT",
  n: "DOUBLE",
  type: "VARCHAR",
  level: "VARCHAR",
  message: "VARCHAR",
  error: "VARCHAR",
  trigger: "VARCHAR",
  origin: "VARCHAR",
  request: "VARCHAR",
  ray: "VARCHAR",
  service: "VARCHAR",
  version: "VARCHAR",
  outcome: "VARCHAR",
  status: "DOUBLE",
  wall: "DOUBLE",
  cpu: "DOUBLE",
  source: "VARCHAR",
  workers: "VARCHAR",
};

/** Name of the stream that events are in, beside which an account has no other. */
export const EVENTS = "events";

/** What the API calls it. */
export const DATASET = "cloudflare-workers";
