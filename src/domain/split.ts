import { parseStringMembers } from "../lib/structured-dictionary.ts";
import { chooseVersion, type Share } from "./routing.ts";

/** Request headers by which callers choose among the versions of a split. */
export const versionKeyHeader = "cloudflare-workers-version-key";
export const versionOverridesHeader = "cloudflare-workers-version-overrides";

/** How far apart the two halves of a seed are hashed. Any two odd numbers do. */
const SEEDS = [0x9e3779b1, 0x85ebca77] as const;

interface Contender {
  versionId: string;
  percentage: number;
  /** What makes this version's points differ from those of every other. */
  high: number;
  low: number;
}

/**
 * A deployment of several versions, made ready to choose one for each request (`workers-semantics.md` 3.3).
 * By key: every version draws a number for the key, which depends on nothing else, and divides it by its share; the
 * smallest wins (weighted rendezvous hashing). So raising a version's share, or lowering another's, never takes
 * a key away from it, whatever the order of the versions is.
 */
export class Split {
  readonly shares: readonly Share[];
  readonly #contenders: Contender[];

  constructor(shares: readonly Share[]) {
    this.shares = shares;
    this.#contenders = shares.map(({ versionId, percentage }) => ({
      versionId,
      percentage,
      ...hash(versionId),
    }));
  }

  /** By share alone. `point` is uniform in [0, 1). */
  at(point: number): string {
    return chooseVersion(this.shares, point) as string;
  }

  /** The version that the key belongs to. */
  of(key: string): string {
    const { high, low } = hash(key);
    let best = "";
    let least = Number.POSITIVE_INFINITY;
    for (const contender of this.#contenders) {
      if (contender.percentage === 0) continue;
      const score = -Math.log(uniform(mix(high ^ contender.high), mix(low ^ contender.low))) / contender.percentage;
      if (score < least) {
        least = score;
        best = contender.versionId;
      }
    }
    return best;
  }

  /**
   * The version that {@link versionOverridesHeader} (`<script>="<version id>"`, …) asks for. Undefined when it names none of
   * this deployment for the script, or cannot be read: then it is as if it were not there.
   */
  overridden(script: string, overrides: string): string | undefined {
    for (const { versionId } of this.shares) if (overrides === `${script}="${versionId}"`) return versionId;
    const wanted = parseStringMembers(overrides)?.get(script);
    return this.shares.find(({ versionId }) => versionId === wanted)?.versionId;
  }
}

/** FNV-1a over UTF-16 units from two seeds, and {@link mix}, since it spreads its last units badly by itself. */
function hash(text: string): { high: number; low: number } {
  let high = SEEDS[0] | 0;
  let low = SEEDS[1] | 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x01000193);
  }
  return { high: mix(high), low: mix(low) };
}

/** The finalizer of MurmurHash3: each bit of the input changes half of the output's. */
function mix(bits: number): number {
  let value = bits;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return value ^ (value >>> 16);
}

/** 53 bits as a number in (0, 1): never 0, which has no logarithm. */
function uniform(high: number, low: number): number {
  return ((high >>> 0) * 2 ** 21 + (low >>> 11) + 0.5) / 2 ** 53;
}
