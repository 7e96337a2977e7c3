import { bindingKind } from "../kind.ts";
import { moduleBinding } from "../module-binding.ts";
import { MAX_LIMIT, NAMESPACE_ID, PERIODS } from "./limits.ts";

/** `env.LIMITER`: the runtime has none of its own. */
export const rateLimit = bindingKind({
  types: ["ratelimit"],
  schema: (z) =>
    z.object({
      name: z.string(),
      type: z.literal("ratelimit"),
      namespace_id: z.string().regex(NAMESPACE_ID, "must be a number as a string"),
      simple: z.object({
        limit: z.number().int().min(0).max(MAX_LIMIT),
        period: z.literal(PERIODS, "must be 10 or 60"),
      }),
    }),
  accept: ({ name, type, namespace_id, simple: { limit, period } }) => ({
    name,
    type,
    namespaceId: namespace_id,
    limit,
    period,
  }),
  describe: ({ name, type, namespaceId, limit, period }) => ({
    name,
    type,
    namespace_id: namespaceId,
    simple: { limit, period },
  }),
  launch: ({ name, limit, period }, context) => {
    const settings = [
      { name: "limit", json: String(limit) },
      { name: "period", json: String(period) },
    ];
    const module = { name: "rate-limit", directory: import.meta.dirname, entrypoint: "Limiter", settings };
    return moduleBinding(module, name, context);
  },
});
