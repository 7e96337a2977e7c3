import type { Placement } from "../domain/homes.ts";
import type { AttachRequest } from "../domain/messages.ts";
import type { LaunchRecord, Sealed } from "../domain/version.ts";

/**
 * `serve`: run the version. `inspect`: start its code once and answer on the HTTP socket with
 * a JSON list of what it exports (no bindings reach out, nothing is served to anyone else).
 */
export type LaunchMode = "serve" | "inspect";

export interface LaunchContext {
  mode: LaunchMode;
  /** Directory, as workerd sees it, in which it makes its listening sockets. */
  socketDir: string;
  /** Directory, as workerd sees it, of the sockets that the services role opened for it. */
  servicesDir: string;
  /** Empty directory, as workerd sees it, behind the health socket. */
  emptyDir: string;
  /** What the runner owns of its script's state. In `inspect`: nothing. */
  placement: Placement;
  /** Directory, as workerd sees it, that holds a directory for each name of {@link LaunchPlan.state}. */
  stateDir: string;
  /** CIDR ranges that the Worker may reach although they are private. */
  allowPrivate: string[];
  /** Ports on which the platform itself serves. */
  ports?: number[];
  /** Somebody wants to know of its invocations. */
  traced?: boolean;
  /** Of the runner, as in `RunnerAddress`; absent where it does not matter. */
  instanceId?: string;
  /** The runner that had the state just before; absent when none did since the platform started. */
  predecessor?: Predecessor;
  unseal(sealed: Sealed): string;
}

/** A runner that gave up its state to another. */
export interface Predecessor {
  instanceId: string;
  /** It was stopped on purpose once all calls were done: what it refused or did not answer, it had not begun. */
  orderly: boolean;
}

/** Names of the sockets that workerd makes in `socketDir`. */
export const socketNames = {
  http: "http.sock",
  health: "health.sock",
  rpc: "rpc.sock",
  gate: "gate.sock",
  events: "events.sock",
  /** Answers once all reports of invocations are delivered; in runners that report. */
  reports: "reports.sock",
} as const;

/**
 * A blob of the store, text, or (service-worker scripts in `inspect` only) the blob `base` followed by text.
 * Never append to a file that is linked into the blob store: copy it.
 */
export type FileContent = { blob: string } | { text: string } | { base: string; suffix: string };

/** How to start workerd for a version. Pure data: the supervisor writes the files and spawns. */
export interface LaunchPlan {
  /** Text of `config.capnp`. Holds secrets in clear: write it with mode 0600 and remove it once workerd listens. */
  config: string;
  /** Files that the config embeds, relative to its own directory. */
  files: { path: string; content: FileContent }[];
  /** Arguments after `workerd serve config.capnp`, such as `--experimental`. */
  arguments: string[];
  /** Service bindings that the services role must open sockets for. */
  links: AttachRequest["links"];
  /** The socket that the services role must open for the version's static assets, if it binds them. */
  assets?: NonNullable<AttachRequest["assets"]>;
  /** Whether there is a socket for what back-ends of bindings speak in HTTP. */
  backends?: NonNullable<AttachRequest["backends"]>;
  /** Whether what the Worker fetches from hosts of this platform goes to the edge. */
  outbound?: NonNullable<AttachRequest["outbound"]>;
  /**
   * State that the runner must be given, each under a name in `stateDir`. Only one runner at a time may have a state:
   * two that do corrupt it (measured). Empty: the runner owns none.
   */
  state: { name: string; stateId: string }[];
  /** Whether there is a socket for events. */
  events: boolean;
  /** Whether it reports its invocations (`tail.worker.js`). */
  traced: boolean;
  /** Number of `listen` events to expect on the control channel. */
  sockets: number;
}

/** Makes the plan for a launch record. Throws only on a record that upload should have refused. */
export type PlanLaunch = (record: LaunchRecord, context: LaunchContext) => LaunchPlan;
