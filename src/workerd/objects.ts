import { type Service, VOID, type WorkerModule } from "./config.ts";
import { rpcNames, runtimeText } from "./runtime-text.ts";

/** Name of the service whose classes stand for those of other runners. */
export const OBJECTS_SERVICE = "objects";

/** A namespace that this runner does not own, and the socket that leads to the RPC port of its home. */
export interface RemoteNamespace {
  namespaceId: string;
  /** Absent: its objects are not reached. */
  socketPath?: string;
}

export function remoteClassName(namespaceId: string): string {
  return `Objects_${namespaceId}`;
}

/** One worker, and so one isolate, for all namespaces that a version uses and its runner does not own. */
export function objectsService(namespaces: RemoteNamespace[]): Service {
  const reached = namespaces.some(({ socketPath }) => socketPath !== undefined);
  return {
    name: OBJECTS_SERVICE,
    worker: {
      modules: objectModules(namespaces),
      compatibilityDate: "2026-11-01",
      // Needs `--experimental`, without which `inspect` runs.
      bindings: reached ? [{ name: "DEBUG_PORT", workerdDebugPort: VOID }] : [],
      durableObjectNamespaces: namespaces.map(({ namespaceId }) => ({
        className: remoteClassName(namespaceId),
        uniqueKey: namespaceId,
      })),
      durableObjectStorage: { inMemory: VOID },
    },
  };
}

/** The entry module with a class for each namespace, and the modules that it imports. */
function objectModules(namespaces: RemoteNamespace[]): WorkerModule[] {
  const reached = namespaces.some(({ socketPath }) => socketPath !== undefined);
  const stubs = namespaces.some(({ socketPath }) => socketPath === undefined);
  const lines = [
    ...(reached ? ['import { remoteClass } from "./object-proxy.js";'] : []),
    ...(stubs ? ['import { Stub } from "./object-stub.js";'] : []),
    ...namespaces.map(({ namespaceId, socketPath }) =>
      socketPath === undefined
        ? `export class ${remoteClassName(namespaceId)} extends Stub {}`
        : `export const ${remoteClassName(namespaceId)} = ` +
          `remoteClass(${JSON.stringify(namespaceId)}, ${JSON.stringify(`unix:${socketPath}`)});`,
    ),
    "",
  ];
  return [
    { name: "entry.js", esModule: lines.join("\n") },
    ...(reached ? [{ name: "object-proxy.js", esModule: runtimeText("object-proxy") }, rpcNames()] : []),
    ...(stubs ? [{ name: "object-stub.js", esModule: runtimeText("object-stub") }] : []),
  ];
}
