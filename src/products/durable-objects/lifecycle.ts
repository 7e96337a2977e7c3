import type { ObjectClass } from "../../domain/version.ts";

/** A script by its id, or the one that is uploaded, which may have no id yet. */
export type ScriptRef = string | "uploaded";

/** A change of the registry. Order matters: each is valid once those before it are done. */
export type LifecycleOperation =
  | { kind: "create"; class: ObjectClass }
  /** The namespace gets another class, maybe of another script. Its data stays where it is. */
  | {
      kind: "move";
      namespaceId: string;
      from: ClassPlace;
      to: ClassPlace /** Name of the giving script. */;
      givenBy?: string;
    }
  /** The namespace and all its objects go for good. */
  | { kind: "discard"; namespaceId: string; className: string }
  | { kind: "expect"; className: string; sourceScriptId: string }
  | { kind: "stop-expecting"; script: ScriptRef; className: string };

export interface ClassPlace {
  script: ScriptRef;
  className: string;
}

/** What an upload does to the classes of its script. */
export interface LifecyclePlan {
  operations: LifecycleOperation[];
  /** The script's classes once the operations are done. */
  classes: ObjectClass[];
  /** Classes that the plan takes away from the script, by name: bindings to them are refused with the reason. */
  deleted: Set<string>;
  /** Namespaces that other scripts still own and that are to come: bindings may name them by the class here. */
  expected: Map<string, string>;
}

/** A class of some script of the account, as registered. */
export interface RegisteredClass extends ObjectClass {
  scriptId: string;
  scriptName: string;
  transferredFrom: string | null;
}

/** A plan that leaves everything as it is. */
export function unchanged(classes: ObjectClass[]): LifecyclePlan {
  return { operations: [], classes, deleted: new Set(), expected: new Map() };
}
