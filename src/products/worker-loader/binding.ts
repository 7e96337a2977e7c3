import { runtimeText } from "../../workerd/runtime-text.ts";
import { bindingKind } from "../kind.ts";

const STUB = "freehold-internal:loader-stub";

/**
 * Loads Workers from code given at run time, in the same process. Experimental flags stay out of reach: workerd lets a
 * loaded Worker have them only if the loading one has the flag `experimental` (measured), which upload refuses.
 */
export const workerLoader = bindingKind({
  types: ["worker_loader"],
  schema: (z) => z.object({ name: z.string(), type: z.literal("worker_loader") }),
  accept: (upload) => upload,
  describe: ({ type, name }) => ({ type, name }),
  launch: ({ name }, { mode, record }) => {
    if (mode === "serve") return { binding: { name, workerLoader: { id: name } } };
    // The native binding needs `--experimental`, without which `inspect` runs on purpose.
    if (record.format === "service-worker") return { binding: { name, json: "{}" } };
    return {
      binding: { name, wrapped: { moduleName: STUB } },
      extensionModules: [{ name: STUB, internal: true, esModule: runtimeText("loader-stub") }],
    };
  },
});
