import { join } from "node:path";
import type { Service } from "../../workerd/config.ts";
import { INTERNET } from "../../workerd/network.ts";
import { backendService } from "../backend-binding.ts";
import { bindingKind } from "../kind.ts";
import { workerText } from "../module-binding.ts";

/** `env.IMAGES`: workerd's own Images API over HTTP to the services role (`workerd-bindings.md`). */
export const images = bindingKind({
  types: ["images"],
  hasProtocol: true,
  schema: (z) => z.object({ name: z.string(), type: z.literal("images") }),
  accept: ({ name, type }) => ({ name, type }),
  describe: ({ name, type }) => ({ name, type }),
  launch: ({ name }, { mode, backendsSocket }) => {
    const bind = (service: string) => {
      const innerBindings = [{ name: "fetcher", service }];
      return { name, wrapped: { moduleName: "cloudflare-internal:images-api", innerBindings } };
    };
    if (mode === "inspect") return { binding: bind(INTERNET) };
    const backend = backendService(`images:${name}`, name, backendsSocket());
    const entry: Service = {
      name: `images-worker:${name}`,
      worker: {
        modules: [{ name: "images.js", esModule: workerText(join(import.meta.dirname, "images.worker.js")) }],
        compatibilityDate: "2026-11-01",
        bindings: [{ name: "backend", service: backend.name }],
      },
    };
    return { binding: bind(entry.name), services: [backend, entry] };
  },
});
