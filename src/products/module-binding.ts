import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BindingLaunch, BindingLaunchContext } from "../workerd/binding-launch.ts";
import type { Service, WorkerBinding } from "../workerd/config.ts";
import { INTERNET } from "../workerd/network.ts";
import { backendService } from "./backend-binding.ts";

/** A binding that is a module of ours in the Worker's isolate, which asks the services role (`workerd-bindings.md` 4.13). */
export interface ModuleBinding {
  /** The module is `<name>.worker.js` in `directory`; its default export makes the binding from `fetcher` and the settings. */
  name: string;
  directory: string;
  /** Class of `<name>-entry.worker.js`, which is the binding for scripts in the service-worker format. */
  entrypoint: string;
  settings: WorkerBinding[];
}

const texts = new Map<string, string>();

/** The config of such a binding. While code is inspected it has its methods and leads nowhere. */
export function moduleBinding(
  { name: module, directory, entrypoint, settings }: ModuleBinding,
  bindingName: string,
  { mode, record, backendsSocket }: BindingLaunchContext,
): BindingLaunch {
  const service = `${module}:${bindingName}`;
  const services = mode === "serve" ? [backendService(service, bindingName, backendsSocket())] : [];
  const innerBindings: WorkerBinding[] = [
    { name: "fetcher", service: mode === "serve" ? service : INTERNET },
    ...settings,
  ];
  const text = (name: string) => workerText(join(directory, `${name}.worker.js`));
  if (record.format === "service-worker") {
    // Extensions are not there for scripts in the old format (measured), so the module gets a worker of its own, called by RPC.
    const worker: Service = {
      name: `${module}-worker:${bindingName}`,
      worker: {
        modules: [
          { name: "entry.js", esModule: text(`${module}-entry`) },
          { name: `${module}.js`, esModule: text(module) },
        ],
        compatibilityDate: "2026-11-01",
        bindings: innerBindings,
      },
    };
    return {
      binding: { name: bindingName, service: { name: worker.name, entrypoint } },
      services: [...services, worker],
    };
  }
  const moduleName = `freehold-internal:${module}`;
  return {
    binding: { name: bindingName, wrapped: { moduleName, innerBindings } },
    extensionModules: [{ name: moduleName, internal: true, esModule: text(module) }],
    services,
  };
}

/** Text of a module of ours; read once. */
export function workerText(path: string): string {
  let text = texts.get(path);
  if (text === undefined) {
    text = readFileSync(path, "utf8");
    texts.set(path, text);
  }
  return text;
}
