/**
 * A version: one immutable upload of a script. Workers and Pages deployments are both versions.
 * Types only; the rules stand in `workers/`.
 */

/** How a module enters the runtime (`wrangler-api.md` 2.7). */
export type ModuleType =
  | "esm"
  | "commonjs"
  | "text"
  | "data"
  | "wasm"
  | "json"
  | "python"
  | "python-requirement"
  | "source-map";

export interface Module {
  /** Name as imported, such as `index.js` or `./0a4d…-logo.txt`. */
  name: string;
  type: ModuleType;
  /** Key of the content in the blob store. */
  blob: string;
  /** Size in bytes. */
  size: number;
}

/** A secret value as it is stored: AES-256-GCM under the master key, base64 of nonce, tag and text. */
export interface Sealed {
  sealed: string;
}

/**
 * What a version may use, under a name on `env`. `type` is the name the API uses.
 * A product's `binding.ts` owns each kind.
 */
export type Binding = BoundProduct & {
  /** The code gets a fetcher in the product's own protocol instead of its API: for remote bindings of local development. */
  raw?: true;
};

type BoundProduct =
  | { type: "plain_text"; name: string; text: string }
  | { type: "json"; name: string; json: unknown }
  | { type: "secret_text"; name: string; text: Sealed }
  | { type: "wasm_module" | "text_blob" | "data_blob"; name: string; part: string; blob: string; size: number }
  | { type: "version_metadata"; name: string }
  | {
      type: "service";
      name: string;
      /** Name of the bound script, in the same account. */
      service: string;
      environment?: string;
      entrypoint?: string;
      props?: Record<string, unknown>;
    }
  | { type: "worker_loader"; name: string }
  /** The version's own static assets, as a fetcher. */
  | { type: "assets"; name: string }
  | {
      type: "durable_object_namespace";
      name: string;
      /** The class as the upload named it; a later rename does not change it. */
      className: string;
      /** Script that has the class, in the same account; absent: this one. */
      scriptName?: string;
      /** The namespace that the class had at the upload: what the binding stays with through renames and transfers. */
      namespaceId: string;
    }
  | { type: "d1"; name: string /** UUID. */; databaseId: string }
  | { type: "kv_namespace"; name: string /** 32 hex digits. */; namespaceId: string }
  /** The bucket that has this name at the time of a call. */
  | { type: "r2_bucket"; name: string; bucketName: string; jurisdiction?: string }
  | {
      type: "queue";
      name: string;
      queueName: string;
      /** 32 hex digits: the queue that had the name at the upload. */
      queueId: string;
      /** Seconds; absent: the queue's own delay. */
      deliveryDelayS?: number;
    }
  | {
      type: "ratelimit";
      name: string;
      /** Which counters, in the account. */
      namespaceId: string;
      limit: number;
      /** Length of the window in seconds. */
      period: 10 | 60;
    }
  | { type: "analytics_engine"; name: string; dataset: string }
  | { type: "images"; name: string }
  | {
      type: "secrets_store_secret";
      name: string;
      /** 32 hex digits. */
      storeId: string;
      secretName: string;
    }
  | {
      type: "workflow";
      name: string;
      workflowName: string;
      className: string;
      /** Script that has the class, in the same account; absent: this one. */
      scriptName?: string;
      workflowId: string;
    };

export type BindingOf<T extends Binding["type"]> = Extract<Binding, { type: T }>;

/** What a module exports, as found by starting it once at upload. */
export interface ExportedEntrypoint {
  /** `default` or the export's name. */
  name: string;
  kind: "object" | "worker-entrypoint" | "durable-object" | "workflow" | "other";
  /** Event handlers such as `fetch`, `scheduled`, `queue`. */
  handlers: string[];
}

/** A Durable Object class of a script, as registered. */
export interface ObjectClass {
  className: string;
  /**
   * Permanent id of the namespace (32 hex digits): the runtime's `uniqueKey`, from which object ids are derived, and the
   * name of the directory of its objects. It never changes, whatever the class or its script is called.
   */
  namespaceId: string;
  storage: "sqlite" | "legacy-kv";
}

/** A workflow of a script, as registered. Its instances are objects of the runtime's engine. */
export interface WorkflowClass {
  /** Name in the account. */
  name: string;
  className: string;
  /** Permanent id (32 hex digits): the name of the directory of its instances. */
  workflowId: string;
  /** What the engine is told; absent: its own defaults. */
  settings?: WorkflowSettings;
}

/** Limits and retention of a workflow, in the engine's words. Times are milliseconds or text such as `3 days`. */
export interface WorkflowSettings {
  /** Steps an instance may take. */
  steps?: number;
  /** How long instances are kept after their end: those that failed, and all others. */
  retention?: { success?: number | string; error?: number | string };
}

export interface VersionLimits {
  /** CPU a single invocation may use, in milliseconds. */
  cpuMs: number;
  /** V8 heap of the isolate, in MB. */
  memoryMb: number;
}

/**
 * The launch record: all that is needed to start a version, without the database.
 * Written once when the version is made and never changed. Secrets in it are sealed.
 */
export interface LaunchRecord {
  versionId: string;
  accountId: string;
  scriptName: string;
  /** ISO time of the upload. */
  createdOn: string;
  /** Annotation `workers/tag`, given to the version metadata binding. */
  tag: string;
  format: "modules" | "service-worker";
  /** Name of the entry module, or of the script part. */
  mainModule: string;
  modules: Module[];
  bindings: Binding[];
  compatibilityDate: string;
  compatibilityFlags: string[];
  limits: VersionLimits;
  /** Empty until validation has found them. */
  exports: ExportedEntrypoint[];
  /** The script's own classes and workflows as this version's upload left them; absent: none. For previews: see `homes.ts`. */
  objects?: ObjectClass[];
  workflows?: WorkflowClass[];
  /** Static assets; a version with assets may have no code (`modules` empty), and then never has a runner. */
  assets?: { /** Key of its {@link SiteRecord} in the blob store. */ site: string };
  /** The account had domains at the upload: what the Worker fetches from hosts of this platform goes to the edge. */
  hasDomains?: true;
}

/** How a version's static assets are served. Stored as JSON in the blob store, immutable; `products/assets` reads it. */
export interface SiteRecord {
  accountId: string;
  /** Key of the manifest (path to content) in the blob store. */
  manifest: string;
  htmlHandling: "auto-trailing-slash" | "force-trailing-slash" | "drop-trailing-slash" | "none" | "pages";
  notFoundHandling: "none" | "404-page" | "single-page-application" | "pages";
  runWorkerFirst: boolean | string[];
  /** Which paths start the code of a Pages project (`_routes.json`); absent: `runWorkerFirst` says. */
  functionRoutes?: { include: string[]; exclude: string[] };
  /** Of a Pages project with code: once the account's daily requests are used up, its paths show an error page, not the files. */
  failClosed?: true;
  /** Path of every host below which the files are, such as `/docs`; absent: at its root. */
  basePath?: string;
  /** Text of `_headers` and `_redirects`; empty when there is none. */
  headers: string;
  redirects: string;
  /** Whether there is a Worker behind the assets. */
  hasWorker: boolean;
  /** With `flags`, decides which navigations prefer assets. */
  compatibilityDate: string;
  compatibilityFlags: string[];
  mode: "workers" | "pages";
}
