import type { WorkerBinding } from "./config.ts";

/**
 * The binding as a fetcher of what is behind it, in the product's own protocol over HTTP: what the client asks for with
 * `raw`, to put its own copy of the runtime's binding in front (`wrangler-api.md` 7.3). Bindings that are fetchers, or have
 * no protocol, stay as they are.
 */
export function rawBinding(binding: WorkerBinding): WorkerBinding {
  const { name } = binding;
  for (const kind of ["kvNamespace", "r2Bucket", "queue"] as const) {
    const service = (binding as Record<string, unknown>)[kind];
    if (service !== undefined) return { name, service: service as string };
  }
  if (!("wrapped" in binding)) return binding;
  const services = (binding.wrapped.innerBindings ?? []).filter((inner) => "service" in inner);
  return services.length === 1 && services[0] ? { ...services[0], name } : binding;
}
