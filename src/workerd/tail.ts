import { BINDING_HEADER } from "./binding-launch.ts";
import type { Service } from "./config.ts";
import { runtimeText } from "./runtime-text.ts";

/** Name of the service that the runtime tells of invocations. */
export const TAIL_SERVICE = "tail";

/** Stands where other back-ends have the binding's name; no binding can be called so. */
export const TAIL_CALLER = "@tail";

/** Says how many items were left out since the last report. */
export const DROPPED_HEADER = "freehold-dropped";

const INTAKE_SERVICE = "tail-intake";

/** A worker of ours beside the version's code, and its way to the platform. */
export function tailServices(backendsSocket: string): Service[] {
  return [
    {
      name: TAIL_SERVICE,
      worker: {
        modules: [{ name: "tail.js", esModule: runtimeText("tail") }],
        compatibilityDate: "2026-11-01",
        bindings: [{ name: "INTAKE", service: INTAKE_SERVICE }],
      },
    },
    {
      name: INTAKE_SERVICE,
      external: {
        address: `unix:${backendsSocket}`,
        http: { injectRequestHeaders: [{ name: BINDING_HEADER, value: TAIL_CALLER }] },
      },
    },
  ];
}
