import { BINDING_HEADER } from "./binding-launch.ts";
import { type Service, VOID, type WorkerBinding } from "./config.ts";
import { rpcNames, runtimeText } from "./runtime-text.ts";

const LINK_SERVICE = "link";

/** Stands where back-ends of bindings have the binding's name: the one who asks for a version of a callee. */
export const VERSIONS_CALLER = "@versions";

const VERSIONS_SERVICE = "versions";

export interface LinkTarget {
  /** Unix socket that leads to the callee's RPC port. */
  socketPath: string;
  /** The callee's script. */
  service: string;
  /** Socket of the back-ends, where a version of the callee can be asked for. */
  backendsSocket: string;
  /** Named entrypoint; the default one when absent. */
  entrypoint?: string;
  props?: Record<string, unknown>;
}

/**
 * A service binding to a worker in another process. A local worker forwards `fetch`, `connect` and RPC over workerd's
 * debug port, because that is the one protocol in which the caller chooses entrypoint and props.
 */
export function linkBinding(
  name: string,
  { socketPath, backendsSocket, ...callee }: LinkTarget,
): { binding: WorkerBinding; services: Service[] } {
  const props = JSON.stringify({ address: `unix:${socketPath}`, ...callee });
  return {
    binding: { name, service: { name: LINK_SERVICE, entrypoint: "Link", props: { json: props } } },
    services: [
      linkService(),
      {
        name: VERSIONS_SERVICE,
        external: {
          address: `unix:${backendsSocket}`,
          http: { injectRequestHeaders: [{ name: BINDING_HEADER, value: VERSIONS_CALLER }] },
        },
      },
    ],
  };
}

/** One worker, and so one isolate, for all links of a version. */
function linkService(): Service {
  return {
    name: LINK_SERVICE,
    worker: {
      modules: [{ name: "link.js", esModule: runtimeText("link") }, rpcNames()],
      compatibilityDate: "2026-11-01",
      bindings: [
        { name: "DEBUG_PORT", workerdDebugPort: VOID },
        { name: "VERSIONS", service: VERSIONS_SERVICE },
      ],
    },
  };
}
