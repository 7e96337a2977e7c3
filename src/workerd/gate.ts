import type { GatePart } from "./binding-launch.ts";
import type { Service } from "./config.ts";
import type { LaunchContext } from "./plan.ts";
import { rpcNames, runtimeText } from "./runtime-text.ts";

/** Name of the service that lets the platform and other runners reach the state that a runner owns. */
export const GATE_SERVICE = "gate";

/** The gate of a home or a preview, with what products add to it. */
export function gateService(
  parts: GatePart[],
  { instanceId, predecessor }: Pick<LaunchContext, "instanceId" | "predecessor">,
): Service {
  return {
    name: GATE_SERVICE,
    worker: {
      modules: [
        { name: "entry.js", esModule: entryText(parts) },
        { name: "gate.js", esModule: runtimeText("gate") },
        rpcNames(),
        ...parts.flatMap(({ modules = [] }) => modules),
      ],
      compatibilityDate: "2026-11-01",
      bindings: [
        { name: "HOME", json: JSON.stringify({ instanceId, predecessor }) },
        ...parts.flatMap(({ bindings = [] }) => bindings),
      ],
    },
  };
}

/** The entry module: routes of all products in one table, and their entrypoints. */
function entryText(parts: GatePart[]): string {
  const products = parts.flatMap(({ modules = [], entrypoints = [] }) =>
    modules[0] ? [{ name: modules[0].name, entrypoints }] : [],
  );
  return [
    'import { gate } from "./gate.js";',
    'export { Desk, Gate } from "./gate.js";',
    ...products.map(({ name }, index) => `import { routes as routes${index} } from "./${name}";`),
    ...products.map(({ name, entrypoints }) => `export { ${entrypoints.join(", ")} } from "./${name}";`),
    `export default gate([${products.map((_, index) => `...routes${index}`).join(", ")}]);`,
    "",
  ].join("\n");
}
