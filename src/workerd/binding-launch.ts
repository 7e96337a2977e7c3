import type { Placement } from "../domain/homes.ts";
import type { LinkTarget } from "../domain/messages.ts";
import type { Binding, LaunchRecord, Sealed } from "../domain/version.ts";
import type { Extension, Service, Text, WorkerBinding, WorkerSettings } from "./config.ts";
import type { ExportAlias } from "./entry.ts";
import type { EmbedFile } from "./modules.ts";
import type { LaunchMode, LaunchPlan } from "./plan.ts";

/** Says which binding of the version is meant; the runtime sets it, over whatever a Worker sends. */
export const BINDING_HEADER = "freehold-binding";

/** What a binding adds to the config. Services and extension modules of equal name are added once. */
export interface BindingLaunch {
  binding: WorkerBinding;
  services?: Service[];
  extensionModules?: Extension["modules"];
}

/** What a product may use while it makes its part of the config. */
export interface BindingLaunchContext {
  record: LaunchRecord;
  /** In `inspect` a binding has its usual shape but must reach nothing. */
  mode: LaunchMode;
  /** What the runner owns of its script's state. */
  placement: Placement;
  unseal(sealed: Sealed): string;
  embed: EmbedFile;
  /** Path of the socket that leads to other runners; adds the link on first use. */
  linkSocket(to: LinkTarget): string;
  /** Path of the socket that answers with the version's static assets; adds it on first use. */
  assetsSocket(): string;
  /**
   * Path of the socket of back-ends that speak HTTP; adds it on first use. The external service must inject
   * {@link BINDING_HEADER} with the binding's name, URL-encoded.
   */
  backendsSocket(): string;
  /**
   * A class of this process whose objects stand for those of a namespace that another runner owns. Without `reachable`,
   * and in `inspect`, they have their usual shape only.
   */
  remoteClass(namespaceId: string, reachable: boolean): { className: string; serviceName: string };
}

/** Turns one binding of a version into config. `products/` has one for every type. */
export type LaunchBinding = (binding: Binding, context: BindingLaunchContext) => BindingLaunch;

/** The state that a runner owns, as the products that keep state see it. */
export type OwnedPlacement = Exclude<Placement, { kind: "none" }>;

export interface StateLaunchContext {
  record: LaunchRecord;
  placement: OwnedPlacement;
}

/**
 * What a product that keeps state adds to the config of a runner that owns state. `products/launch.ts` lists the
 * products; the launch plan knows none of them. Called in mode `serve` only, and not for a runner that owns nothing.
 */
export interface StateLaunch {
  /** Merged into the worker of the version's code, whose objects are stored under `stateDir`. */
  user?: Pick<WorkerSettings, "durableObjectNamespaces" | "workflowsEngine">;
  /** Further names that classes of the version's code shall be exported under. */
  aliases?: ExportAlias[];
  services?: Service[];
  /** Directories that the runner must be given, by the name that the runtime looks for. */
  state?: LaunchPlan["state"];
  gate?: GatePart;
}

/** What a product adds to the gate, through which the platform and other runners reach the state (`gate.worker.js`). */
export interface GatePart {
  /**
   * Modules of the gate, which may import `./gate.js`. The first exports `routes`, a list of `GateRoute` which may be
   * empty, and the classes of `entrypoints`.
   */
  modules?: { name: string; esModule: Text }[];
  /** Classes that the first module exports: other runners call them by the debug port, in service `gate`. */
  entrypoints?: string[];
  bindings?: WorkerBinding[];
}

/** A product's part of a runner that owns state; undefined when it owns none of this product. */
export type LaunchState = (context: StateLaunchContext) => StateLaunch | undefined;
