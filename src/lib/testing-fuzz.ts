/** How a fuzz test goes on: see {@link fuzzPlan}. */
export interface FuzzPlan {
  /** To be told when something fails: as `FUZZ_SEED` it repeats the run. */
  seed: number;
  timeoutMs: number;
  /** Whether there is to be one more round after `done` of them. */
  goesOn(done: number): boolean;
}

/**
 * So many rounds from one seed, always the same: what passes once passes again, on a slow machine too. With `FUZZ_SECONDS` as many
 * as fit into that time, from another seed each time unless `FUZZ_SEED` names it: that is how faults are looked for.
 */
export function fuzzPlan(rounds: number): FuzzPlan {
  const seconds = Number(process.env.FUZZ_SECONDS || 0);
  const seed = Number(process.env.FUZZ_SEED || (seconds > 0 ? Date.now() % 1_000_000 : 1));
  let endsAt: number | undefined;
  return {
    seed,
    timeoutMs: seconds * 2000 + 60_000,
    goesOn(done) {
      if (seconds === 0) return done < rounds;
      endsAt ??= performance.now() + seconds * 1000;
      return done === 0 || performance.now() < endsAt;
    },
  };
}
