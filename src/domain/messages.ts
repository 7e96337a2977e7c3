/**
 * What processes say to each other over the supervisor's channels.
 * Each entry is `request` and `reply`; `lib/channel.ts` carries them.
 */
import type { ExceededInvocation, ExceededRunner } from "./exceeded.ts";
import type { SilentRunner } from "./silent-runners.ts";
import type { ExportedEntrypoint, LaunchRecord } from "./version.ts";
import type { EdgeCounts } from "./version-counts.ts";

/** Why a runner cannot take a request. */
export type Unavailable =
  /** No launch record: the version was deleted. */
  | "missing"
  /** The version's code does not start. */
  | "startup-failed"
  /** It died several times in a row; the supervisor waits before the next try. */
  | "crash-loop"
  /** It did not start in time, or too many are starting. */
  | "overloaded";

/** Why a runner ended, or what is wrong with it. `none`: nothing, it is alive and within limits. */
export type Cause = "cpu" | "memory" | "crash" | "none";

/** A started runner. An instance is one process; a restart makes a new instance. */
export interface RunnerAddress {
  instanceId: string;
  versionId: string;
  /** Unix socket that takes HTTP for the version's default entrypoint. */
  httpSocket: string;
  /** Unix socket of the runtime's privileged RPC port: for the services role only. */
  rpcSocket: string;
  /** Unix socket of the gate, in runners that own state: HTTP for the platform itself (`workerd/gate.worker.js`). */
  gateSocket?: string;
  /** Unix socket that takes events, in runners whose version has handlers for them (`workerd/event-sender.ts`). */
  eventsSocket?: string;
  /** It reports its invocations; of those that end with it, others have to tell. */
  traced?: true;
}

export type AcquireReply = { runner: RunnerAddress } | { unavailable: Unavailable; message: string };

export type ValidateReply =
  | { ok: true; exports: ExportedEntrypoint[]; startupTimeMs: number }
  | {
      ok: false;
      /** Code the client knows (10021 unless said otherwise). */
      code: number;
      message: string;
    };

/** What a sandboxed host does: D1 databases, queries over rows such as data points, packing them, or pictures. */
export type HostKind = "d1" | "images" | "analytics-query" | "analytics-pack" | "logs-query" | "logs-pack";

/** Requests that roles make of the supervisor. */
export interface SupervisorCalls {
  /** Edge, services, control: start the version's runner if need be and say where it is. */
  acquire: { request: { versionId: string }; reply: AcquireReply };
  /** Edge, services: a connection was lost or the Worker threw; what happened to this instance? */
  verdict: { request: { instanceId: string }; reply: { cause: Cause } };
  /** Control: start this code once, aside, and say whether it is sound and what it exports. */
  validate: { request: { record: LaunchRecord }; reply: ValidateReply };
  /**
   * Control: new snapshots are in `homes.json` and `routes.json`. Homes begin to move as the first says.
   * Replies when every edge and services process uses both.
   */
  publish: { request: { generation: number }; reply: Record<string, never> };
  /** Control: these versions take no more requests of their own accord; drain and stop their runners. */
  retire: { request: { versionIds: string[] }; reply: Record<string, never> };
  /** Control: these namespaces and workflows were deleted; remove their data once no runner has it any more. */
  discardState: { request: { stateIds: string[] }; reply: Record<string, never> };
  /**
   * Services: start the host of this name, or say where it is. One host serves data of one account only.
   * The socket speaks the protocol of `products/d1/host-protocol.ts`.
   */
  databaseHost: { request: { hostId: string; accountId: string; kind: HostKind }; reply: { socket: string } };
  /** Services: end this host at once: a query does not end, or nobody needs it any more. */
  endDatabaseHost: { request: { hostId: string }; reply: Record<string, never> };
  /**
   * Services: somebody watches these scripts now, and no others: runners that do not report are replaced. Replies once
   * those of `opened`, which is one of them, report, within some seconds, and says which do not. Forgotten when the services
   * process ends.
   */
  trace: { request: { scripts: ScriptName[]; opened?: ScriptName }; reply: { silent: SilentRunner[] } };
  /** Edges, control: an invocation ended with its runner, which can tell of it no more. */
  exceeded: { request: ExceededInvocation; reply: Record<string, never> };
  /** Control: what each edge has counted since it began. Edges that do not answer are left out. */
  counts: { request: Record<string, never>; reply: { edges: EdgeCounts[] } };
  status: { request: Record<string, never>; reply: PlatformStatus };
  /** Any role, once: it serves. */
  ready: { request: Record<string, never>; reply: Record<string, never> };
}

/** Requests that the supervisor makes of the roles; control sends no requests to runners, but events. */
export interface MemberCalls {
  /** Load `routes.json` (services: `homes.json` too); reply when requests are routed by it. */
  routes: { request: { generation: number }; reply: Record<string, never> };
  /**
   * Stop sending requests to this instance. Reply when none is in flight there any more
   * (the supervisor bounds the wait). With `onlyIfIdle`, change nothing when requests are in flight and say so.
   * With `closeWebSockets`, end WebSockets there with code 1012 (service restart): they do not end by themselves.
   */
  release: { request: ReleaseRequest; reply: { released: boolean } };
  /** Services and control: send no more events to this instance. Reply when none is in flight there any more. */
  finishEvents: { request: { instanceId: string }; reply: Record<string, never> };
  /** How many requests and events this process has in flight there: the time they may take together is no single one's fault. */
  inFlight: { request: { instanceId: string }; reply: { count: number } };
  /** The instance is gone: fail what is in flight there and forget it. No reply is awaited. */
  gone: { request: { instanceId: string; versionId: string; cause: Cause }; reply: Record<string, never> };
  /** Accept no new connections, finish what is in flight, then exit. Replies at once. */
  drain: { request: Record<string, never>; reply: Record<string, never> };
}

/** Requests that the supervisor makes of edges alone. */
export interface EdgeCalls extends MemberCalls {
  /** What this process has counted of versions whose rollout is watched. */
  counts: { request: Record<string, never>; reply: EdgeCounts };
}

/** Requests that the supervisor makes of services alone. */
export interface ServicesCalls extends MemberCalls {
  /** Open the instance's binding sockets in `directory`; reply when they listen. */
  attach: { request: AttachRequest; reply: Record<string, never> };
  detach: { request: { instanceId: string }; reply: Record<string, never> };
  /** What an edge or control said, or what the supervisor itself knows of a runner that ended so. */
  exceeded: { request: ExceededInvocation | ExceededRunner; reply: Record<string, never> };
}

export interface ReleaseRequest {
  instanceId: string;
  versionId: string;
  onlyIfIdle: boolean;
  closeWebSockets?: boolean;
}

export interface ScriptName {
  accountId: string;
  script: string;
}

/** What a socket for calls between runners leads to: a script (by its deployment), or the home that owns this state. */
export type LinkTarget =
  /** With `versionId`, to that version as long as the deployment has it. */
  { script: string; versionId?: string } | { stateId: string };

export interface AttachRequest {
  instanceId: string;
  versionId: string;
  accountId: string;
  /** Directory on the host that the runner sees read-only as its services directory. */
  directory: string;
  /** Ways to other runners (service bindings, Durable Objects and workflows of others), each on a socket file of its own. */
  links: { socket: string; to: LinkTarget }[];
  /** Present when the version binds its static assets: the socket file of plain HTTP that answers as the edge does. */
  assets?: { socket: string };
  /** Present when the version has bindings whose back-ends speak HTTP; the header `freehold-binding` says which is meant. */
  backends?: { socket: string };
  /** Present when the account has domains here: socket files that lead to the edge, for `http` and `https` addresses. */
  outbound?: { /** Name of the Worker that calls. */ script: string; plain: string; secure: string };
}

/** Whose request comes to the edge from inside, as the first line of a connection. */
export interface EdgeCaller {
  accountId: string;
  /** Name of the Worker. */
  script: string;
  /** Its address was an `https` one. */
  secure: boolean;
}

export interface PlatformStatus {
  processes: { role: string; pid: number; upSinceMs: number; restarts: number }[];
  runners: { versionId: string; instanceId: string; pid: number; state: string }[];
  sandbox: "bubblewrap" | "none";
  /** What a Worker's CPU limit counts. Wall time stands in where a process's CPU cannot be read (macOS). */
  cpuLimit?: "cpu-time" | "wall-time";
}
