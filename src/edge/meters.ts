import { randomUUID } from "node:crypto";
import type { RoutingSnapshot } from "../domain/routing.ts";
import { type EdgeCounts, latencyBucket, noCounts, type VersionCounts } from "../domain/version-counts.ts";

/** Counts of one version's requests at this edge. */
export class Meter {
  readonly counts: VersionCounts = noCounts();

  /** The version's code answered, or an error page in its place, after so long. */
  answered(status: number, ms: number): void {
    const { counts } = this;
    counts.requests++;
    if (status >= 500) counts.errors++;
    const bucket = latencyBucket(ms);
    counts.latencies[bucket] = (counts.latencies[bucket] ?? 0) + 1;
  }

  /** Its static files answered. */
  served(): void {
    this.counts.files++;
  }
}

/** Counts of the versions whose rollout is watched; of no others. */
export class Meters {
  /** A process that begins anew counts from nothing, and says so by another id. */
  readonly #edgeId = randomUUID();
  readonly #meters = new Map<string, Meter>();

  of(versionId: string): Meter {
    let meter = this.#meters.get(versionId);
    if (!meter) {
      meter = new Meter();
      this.#meters.set(versionId, meter);
    }
    return meter;
  }

  /** Forgets versions that the snapshot does not want counted. */
  keepOnly({ scripts }: RoutingSnapshot): void {
    const watched = new Set(
      scripts.filter(({ measured }) => measured).flatMap(({ shares }) => shares.map(({ versionId }) => versionId)),
    );
    for (const versionId of this.#meters.keys()) if (!watched.has(versionId)) this.#meters.delete(versionId);
  }

  report(): EdgeCounts {
    const versions = Object.fromEntries([...this.#meters].map(([versionId, { counts }]) => [versionId, counts]));
    return { edgeId: this.#edgeId, versions };
  }
}
