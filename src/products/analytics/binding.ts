import { INTERNET } from "../../workerd/network.ts";
import { backendService } from "../backend-binding.ts";
import { bindingKind } from "../kind.ts";
import { STREAM } from "../segments/host/files.ts";

/** `env.METRICS`: the runtime's own `writeDataPoint()`, which sends each point to the services role (`workerd-bindings.md` 4.7). */
export const analyticsEngine = bindingKind({
  types: ["analytics_engine"],
  schema: (z) =>
    z.object({
      name: z.string(),
      type: z.literal("analytics_engine"),
      dataset: z
        .string()
        .regex(STREAM, "must have up to 128 letters, digits, underscores and dashes, and no dash first")
        .optional(),
    }),
  // As the client documents it, the dataset has the binding's name unless it is given one.
  accept: ({ name, type, dataset = name }) => ({ name, type, dataset }),
  describe: ({ name, type, dataset }) => ({ name, type, dataset }),
  launch: ({ name }, { mode, backendsSocket }) => {
    // It needs the runtime's experimental switch, with which code is served and not inspected; any fetcher has a method of each name.
    if (mode === "inspect") return { binding: { name, service: INTERNET } };
    const service = `analytics:${name}`;
    return { binding: { name, analyticsEngine: service }, services: [backendService(service, name, backendsSocket())] };
  },
});
