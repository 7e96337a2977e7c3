import type { LinkTarget } from "../domain/messages.ts";
import type { Binding, LaunchRecord, Sealed } from "../domain/version.ts";
import type { Extension, Service, WorkerBinding } from "./config.ts";
import type { EmbedFile } from "./modules.ts";
import type { LaunchMode } from "./plan.ts";

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
  unseal(sealed: Sealed): string;
  embed: EmbedFile;
  /** Path of the socket that leads to other runners; adds the link on first use. */
  linkSocket(to: LinkTarget): string;
  /** Path of the socket that answers with the version's static assets; adds it on first use. */
  assetsSocket(): string;
}

/** Turns one binding of a version into config. `products/` has one for every type. */
export type LaunchBinding = (binding: Binding, context: BindingLaunchContext) => BindingLaunch;
