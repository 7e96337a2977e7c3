/** Bounds of the edge; those of HTTP itself stand in `lib/http/limits.ts`. */
export const edgeLimits = {
  /** workerd closes an idle connection after 15 s (workerd-bindings.md 2.2): let go before. */
  runnerIdleConnectionMs: 10_000,
  /** Our own servers close an idle connection after 75 s (`lib/http/limits.ts`). */
  storageIdleConnectionMs: 60_000,
  /** Node's HTTP servers close an idle connection after 5 s. */
  controlIdleConnectionMs: 3_000,
  /** How long a request waits for its runner to start. */
  acquireMs: 20_000,
  /** How long a request that lost its runner waits to hear why. */
  verdictMs: 3_000,
  /** Tries to reach a runner whose socket refuses, with the pause before each, while the supervisor notices. */
  unreachablePausesMs: [0, 20, 50, 100, 200, 400],
  /** How often a runner is asked for again because the one that was named is being stopped. */
  releasedTurns: 3,
  /** Stopped instances that are remembered for that. */
  rememberedReleases: 1000,
  /** How long requests in flight may take once the process is to end. */
  drainMs: 30_000,
  /** Requests that carry our CDN-Loop mark this often are refused (1019): "16 invocations" (workers-semantics.md 4.1). */
  loops: 16,
  /** How long a visitor without a visit keeps its key of the affinity rule `cookie`: longer than a deployment is split. Ours. */
  affinitySeconds: 7 * 86_400,
  /** Host names whose target is remembered between snapshots. */
  rememberedHosts: 10_000,
  /**
   * Body of a request to the API. Above the largest a client sends in one piece (5 GB of SQL to import into D1);
   * what each call takes is for control to say.
   */
  apiBodyBytes: 5_100_000_000,
  /** Body of a request to storage: the largest object in one piece (5 GiB), with the signatures of its chunks. */
  storageBodyBytes: 5_500_000_000,
  /** Time for a TLS handshake; as long as for a head. */
  tlsHandshakeMs: 30_000,
  /** Certificates of domains that are kept ready, some 50 KB each. */
  tlsContexts: 500,
};

export type EdgeLimits = typeof edgeLimits;
