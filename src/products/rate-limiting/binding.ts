import { readFileSync } from "node:fs";
import type { BindingLaunch } from "../../workerd/binding-launch.ts";
import type { Service, WorkerBinding } from "../../workerd/config.ts";
import { INTERNET } from "../../workerd/network.ts";
import { BINDING_HEADER } from "../d1/binding.ts";
import { bindingKind } from "../kind.ts";
import { MAX_LIMIT, NAMESPACE_ID, PERIODS } from "./limits.ts";

const MODULE = "freehold-internal:rate-limit";

const texts = new Map<string, string>();

/** `env.LIMITER`: a module of ours in the Worker's isolate, which asks the services role (`workerd-bindings.md` 4.13). */
export const rateLimit = bindingKind({
  types: ["ratelimit"],
  schema: (z) =>
    z.object({
      name: z.string(),
      type: z.literal("ratelimit"),
      namespace_id: z.string().regex(NAMESPACE_ID, "must be a number as a string"),
      simple: z.object({
        limit: z.number().int().min(0).max(MAX_LIMIT),
        period: z.literal(PERIODS, "must be 10 or 60"),
      }),
    }),
  accept: ({ name, type, namespace_id, simple: { limit, period } }) => ({
    name,
    type,
    namespaceId: namespace_id,
    limit,
    period,
  }),
  describe: ({ name, type, namespaceId, limit, period }) => ({
    name,
    type,
    namespace_id: namespaceId,
    simple: { limit, period },
  }),
  launch: ({ name, limit, period }, { mode, record, backendsSocket }) => {
    const service = `rate-limit:${name}`;
    // While code is inspected the binding has its method and leads nowhere.
    const services = mode === "serve" ? [backend(service, name, backendsSocket())] : [];
    const innerBindings: WorkerBinding[] = [
      { name: "fetcher", service: mode === "serve" ? service : INTERNET },
      { name: "limit", json: String(limit) },
      { name: "period", json: String(period) },
    ];
    if (record.format === "service-worker") return besideScript(name, innerBindings, services);
    return {
      binding: { name, wrapped: { moduleName: MODULE, innerBindings } },
      extensionModules: [{ name: MODULE, internal: true, esModule: workerText("rate-limit") }],
      services,
    };
  },
});

function backend(service: string, bindingName: string, socketPath: string): Service {
  return {
    name: service,
    external: {
      address: `unix:${socketPath}`,
      http: { injectRequestHeaders: [{ name: BINDING_HEADER, value: encodeURIComponent(bindingName) }] },
    },
  };
}

/** Extensions are not there for scripts in the old format (measured), so the module gets a worker of its own, called by RPC. */
function besideScript(name: string, bindings: WorkerBinding[], services: Service[]): BindingLaunch {
  const service = `rate-limit-worker:${name}`;
  const worker: Service = {
    name: service,
    worker: {
      modules: [
        { name: "entry.js", esModule: workerText("rate-limit-entry") },
        { name: "rate-limit.js", esModule: workerText("rate-limit") },
      ],
      compatibilityDate: "2026-11-01",
      bindings,
    },
  };
  return { binding: { name, service: { name: service, entrypoint: "Limiter" } }, services: [...services, worker] };
}

function workerText(name: "rate-limit" | "rate-limit-entry"): string {
  let text = texts.get(name);
  if (text === undefined) {
    text = readFileSync(new URL(`./${name}.worker.js`, import.meta.url), "utf8");
    texts.set(name, text);
  }
  return text;
}
