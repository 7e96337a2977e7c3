/**
 * The part of workerd's configuration schema that Freehold writes, field for field
 * (source: `workerd.capnp` of the pinned `workerd` package). `capnp.ts` turns it into text.
 */

/** Content taken from a file, relative to the directory of the config. */
export class Embed {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
}

/** Chooses a member of a union that carries no value. */
export const VOID = Symbol("void");
export type Void = typeof VOID;

export type Text = string | Embed;

export interface WorkerdConfig {
  services: Service[];
  sockets: Socket[];
  v8Flags?: string[];
  extensions?: Extension[];
}

/** A service by name; `entrypoint` and `props` only where the service is a worker. */
export interface ServiceDesignator {
  name: string;
  entrypoint?: string;
  props?: { json: string };
}

export type Service = { name: string } & (
  | { worker: Worker }
  | { network: Network }
  | { disk: { path: string; writable?: boolean } }
  | { external: { address: string; http: HttpOptions } }
);

export interface Socket {
  name: string;
  address: string;
  http: HttpOptions;
  service: string | ServiceDesignator;
}

export interface HttpOptions {
  forwardedProtoHeader?: string;
  cfBlobHeader?: string;
  injectRequestHeaders?: Header[];
  injectResponseHeaders?: Header[];
  capnpConnectHost?: string;
}

export interface Header {
  name: string;
  /** Absent: the header is removed. */
  value?: string;
}

export interface Network {
  /** CIDR ranges or the words `public`, `private`, `local`, `network`. */
  allow: string[];
  /** Wins over `allow` where it is at least as specific. */
  deny?: string[];
  tlsOptions?: { trustBrowserCas?: boolean };
}

export interface WorkerSettings {
  compatibilityDate: string;
  compatibilityFlags?: string[];
  bindings?: WorkerBinding[];
  /** Service behind the global `fetch()` and `connect()`; `internet` when absent. */
  globalOutbound?: string | ServiceDesignator;
  /** Service behind `caches`; without it they throw. */
  cacheApiOutbound?: string;
  /** Services that are told of each invocation once it is over. */
  tails?: string[];
  durableObjectNamespaces?: DurableObjectNamespace[];
  durableObjectStorage?: { inMemory: Void } | { localDisk: string };
  workflowsEngine?: {
    actorClass: ServiceDesignator;
    workflows: { className: string; name: string; bindingService: ServiceDesignator }[];
  };
}

export interface DurableObjectNamespace {
  className: string;
  uniqueKey: string;
  enableSql?: boolean;
  preventEviction?: boolean;
}

export type Worker = WorkerSettings & ({ modules: WorkerModule[] } | { serviceWorkerScript: Text });

export type WorkerModule = { name: string } & (
  | { esModule: Text }
  /** A module of the runtime itself, such as `/workerd/workflows.js`. */
  | { bundled: string }
  | { commonJsModule: Text }
  | { text: Text }
  | { data: Embed }
  | { wasm: Embed }
  | { json: Text }
  | { pythonModule: Text }
  | { obsoletePythonRequirement: Text }
);

export type WorkerBinding = { name: string } & (
  | { text: Text }
  | { json: string }
  | { data: Embed }
  | { wasmModule: Embed }
  | { service: string | ServiceDesignator }
  | { wrapped: { moduleName: string; entrypoint?: string; innerBindings?: WorkerBinding[] } }
  | { kvNamespace: string | ServiceDesignator }
  | { queue: string | ServiceDesignator }
  | { r2Bucket: string | ServiceDesignator }
  | { analyticsEngine: string | ServiceDesignator }
  | { workerLoader: { id: string } }
  | { durableObjectNamespace: { className: string; serviceName?: string } }
  | { workerdDebugPort: Void }
);

export interface Extension {
  modules: {
    /** Import specifier, such as `cloudflare-internal:email`. */
    name: string;
    /** Internal modules can be imported by built-in modules and wrapped bindings only. */
    internal: boolean;
    esModule: Text;
  }[];
}
