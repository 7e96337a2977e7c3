import type { ZodType, z } from "zod";
import type { Binding, BindingOf, Sealed } from "../domain/version.ts";
import type { BindingLaunch, BindingLaunchContext } from "../workerd/binding-launch.ts";

/** What a product may use to turn an uploaded binding into a stored one. */
export interface AcceptContext {
  seal(clear: string): Sealed;
  /** The stored content of a part of the multipart form, or undefined when the form has none of this name. */
  part(name: string): { blob: string; size: number } | undefined;
  /**
   * Id of the namespace of a Durable Object class, as it will be once this upload is applied. Undefined when the script
   * (absent: the one that is uploaded) has no such class.
   */
  namespace(scriptName: string | undefined, className: string): string | undefined;
  /** Id of a workflow of the account, as it will be once this upload is applied. Undefined when it cannot be bound. */
  workflow(name: string, scriptName: string | undefined, className: string): string | undefined;
  /** Whether the account has this D1 database. */
  database(databaseId: string): boolean;
  /** Whether the account has this KV namespace. */
  kvNamespace(namespaceId: string): boolean;
  /** Whether the account has an R2 bucket of this name. */
  r2Bucket(name: string): boolean;
  /** Scopes of a secret of the Secrets Store. Undefined when the account has no such store or secret. */
  secretScopes(storeId: string, secretName: string): string[] | undefined;
  /** Id of the account's queue of this name; undefined: there is none. */
  queueId(name: string): string | undefined;
}

/** A refusal of a binding. Codes as in `workers-semantics.md` 4.3. */
export class BindingError extends Error {
  override name = "BindingError";
  readonly code: number;

  constructor(message: string, code = 10021) {
    super(message);
    this.code = code;
  }
}

/**
 * One kind of binding, for its whole life: uploaded → stored → shown and started.
 * `Upload` is what the client sends (`wrangler-api.md` 2.8).
 */
export interface BindingKind<Type extends Binding["type"] = Binding["type"], Upload = never> {
  /** The `type` values it answers for. */
  types: readonly Type[];
  /**
   * Shape of the uploaded metadata. Takes zod as an argument, so that processes that only start
   * versions do not load it (8 MB each).
   */
  schema(zod: typeof z): ZodType<Upload>;
  /** Makes the stored binding. Throws {@link BindingError}. */
  accept(upload: Upload, context: AcceptContext): BindingOf<Type>;
  /** The binding as the API shows it, without secrets. */
  describe(binding: BindingOf<Type>): Record<string, unknown>;
  launch(binding: BindingOf<Type>, context: BindingLaunchContext): BindingLaunch;
  /** Behind it is a protocol over HTTP that code may be given `raw` (`workerd/raw-binding.ts`). */
  hasProtocol?: true;
}

/** A {@link BindingKind} whose own types are hidden, so that kinds fit in one table. */
export type AnyBindingKind = Omit<BindingKind, "accept"> & {
  accept(upload: never, context: AcceptContext): Binding;
};

export function bindingKind<Type extends Binding["type"], Upload>(kind: BindingKind<Type, Upload>): AnyBindingKind {
  return kind as unknown as AnyBindingKind;
}
