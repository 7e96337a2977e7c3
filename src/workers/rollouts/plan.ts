import { z } from "zod";
import type { RolloutPlan } from "../../domain/rollout.ts";

/** Bounds of a plan. Ours. */
const MAX_STEPS = 20;
const MAX_MINUTES = 43_200;

/** Guards that were asked for without numbers. Ours: twice the errors, and half as slow again, on a hundred requests. */
const DEFAULT_REQUESTS = 100;
const DEFAULT_ERRORS = { factor: 2, above: 0.01 };
const DEFAULT_P99 = { factor: 1.5, above_ms: 20 };

const factor = z.number().min(1).max(1000);

/** A plan as the API takes it. */
export const planSchema = z.strictObject({
  version_id: z.string().optional(),
  steps: z
    .array(z.strictObject({ percentage: z.number().min(0.01).max(100), minutes: z.number().min(0).max(MAX_MINUTES) }))
    .min(1)
    .max(MAX_STEPS)
    .refine(
      (steps) => steps.every(({ percentage }, index) => percentage > (steps[index - 1]?.percentage ?? 0)),
      "each step must have a larger percentage than the one before",
    ),
  guard: z
    .strictObject({
      minimum_requests: z.int().min(1).max(1_000_000_000).default(DEFAULT_REQUESTS),
      error_rate: z
        .strictObject({
          factor: factor.default(DEFAULT_ERRORS.factor),
          above: z.number().min(0).max(1).default(DEFAULT_ERRORS.above),
        })
        .optional(),
      p99: z
        .strictObject({
          factor: factor.default(DEFAULT_P99.factor),
          above_ms: z.number().min(0).max(3_600_000).default(DEFAULT_P99.above_ms),
        })
        .optional(),
    })
    .refine(({ error_rate, p99 }) => error_rate || p99, "a guard needs error_rate, p99 or both")
    .optional(),
});
export type GivenPlan = z.infer<typeof planSchema>;

/** The plan in the words of `domain/rollout.ts`. */
export function rolloutPlan({ steps, guard }: GivenPlan): RolloutPlan {
  if (!guard) return { steps };
  const { minimum_requests: minimumRequests, error_rate: errorRate, p99 } = guard;
  return {
    steps,
    guard: {
      minimumRequests,
      ...(errorRate && { errorRate }),
      ...(p99 && { p99: { factor: p99.factor, aboveMs: p99.above_ms } }),
    },
  };
}
