import { BINDING_HEADER, type BindingLaunch, type BindingLaunchContext } from "../workerd/binding-launch.ts";
import type { Service, WorkerBinding } from "../workerd/config.ts";
import { INTERNET } from "../workerd/network.ts";

/**
 * A binding of the runtime's own whose product answers in the services role. While code is inspected it has its methods and
 * leads nowhere. `bind` makes it from the name of the service behind it; `removed` are request headers that nobody reads.
 */
export function backendBinding(
  product: string,
  bindingName: string,
  { mode, backendsSocket }: Pick<BindingLaunchContext, "mode" | "backendsSocket">,
  bind: (service: string) => WorkerBinding,
  removed: string[] = [],
): BindingLaunch {
  if (mode === "inspect") return { binding: bind(INTERNET) };
  const service = `${product}:${bindingName}`;
  return { binding: bind(service), services: [backendService(service, bindingName, backendsSocket(), removed)] };
}

/** A service that is the runner's back-end socket, with the header that says which binding calls. */
export function backendService(name: string, bindingName: string, socketPath: string, removed: string[] = []): Service {
  const injectRequestHeaders = [
    { name: BINDING_HEADER, value: encodeURIComponent(bindingName) },
    ...removed.map((header) => ({ name: header })),
  ];
  return { name, external: { address: `unix:${socketPath}`, http: { injectRequestHeaders } } };
}
