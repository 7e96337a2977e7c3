import type { WorkflowClass } from "../domain/version.ts";
import {
  accountWorkflows,
  newWorkflowId,
  type RegisteredWorkflow,
  saveWorkflow,
  workflowOfAnother,
} from "../products/workflows/registry.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import type { Change } from "./change.ts";
import { invalidUpload } from "./errors.ts";
import type { StateRequest } from "./state-changes.ts";

/** What an upload does to the workflows of its script. */
export interface WorkflowChange {
  after: WorkflowClass[];
  /** Id of a workflow that a binding names; undefined when it cannot be bound. */
  find(name: string, scriptName: string | undefined, className: string): string | undefined;
  /** Error 10021 when the code lacks the class of a workflow that the upload names. */
  check(isExported: (className: string) => boolean): void;
  apply(db: Platform["db"], script: { accountId: string; scriptId: string; now: string }): Promise<void>;
}

/**
 * A binding to a workflow of the script itself, or an entry of `exports`, registers it. Workflows that an upload no longer
 * names stay: they are deleted by their own command. Error 10021 for a name that another script has.
 */
export async function planWorkflows(
  { platform, accountId, scriptName }: Change,
  script: ScriptRow | undefined,
  { bindings, exports, deploy }: StateRequest,
): Promise<WorkflowChange> {
  const named = [...boundWorkflows(bindings, scriptName), ...declaredWorkflows(exports ?? {})];
  const needsLookup =
    named.length > 0 || bindings.some((raw) => (raw as { type?: unknown } | null)?.type === "workflow");
  const known = needsLookup || script ? await accountWorkflows(platform.db, accountId) : [];
  const own = new Map(known.filter(({ scriptId }) => scriptId === script?.id).map((one) => [one.name, workflow(one)]));
  const changed = new Map<string, WorkflowClass>();
  for (const { name, className } of named) {
    const old = known.find((one) => one.name === name);
    if (old && old.scriptId !== script?.id) throw workflowOfAnother(name, old.scriptName);
    const other = changed.get(name);
    if (other && other.className !== className)
      throw invalidUpload(`The upload gives the workflow "${name}" two classes: ${other.className} and ${className}.`);
    if (!other) changed.set(name, { name, className, workflowId: old?.workflowId ?? newWorkflowId() });
  }
  const after = [...new Map([...own, ...changed]).values()];
  return {
    after,
    find(name, of, _className) {
      if (of === undefined || of === scriptName) return after.find((one) => one.name === name)?.workflowId;
      return known.find((one) => one.name === name && one.scriptName === of)?.workflowId;
    },
    check(isExported) {
      for (const { name, className } of changed.values()) {
        if (!isExported(className)) {
          throw invalidUpload(
            `The workflow "${name}" has the class '${className}', which the code does not export. ` +
              "Export a class that extends WorkflowEntrypoint from the entry module.",
          );
        }
      }
    },
    async apply(db, target) {
      for (const one of changed.values()) {
        // Until an upload is deployed, the workflow keeps the class that the deployed code has.
        const row = own.get(one.name);
        await saveWorkflow(db, target, !deploy && row ? row : one);
      }
    },
  };
}

function boundWorkflows(raws: unknown[], scriptName: string): { name: string; className: string }[] {
  return raws.flatMap((raw) => {
    const { type, workflow_name, class_name, script_name } = (raw ?? {}) as Record<string, unknown>;
    const isOwn = script_name === undefined || script_name === null || script_name === scriptName;
    if (type !== "workflow" || !isOwn || typeof workflow_name !== "string" || typeof class_name !== "string") return [];
    return [{ name: workflow_name, className: class_name }];
  });
}

function declaredWorkflows(exports: Record<string, unknown>): { name: string; className: string }[] {
  return Object.entries(exports).flatMap(([className, entry]) => {
    const { type, name } = (entry ?? {}) as Record<string, unknown>;
    return type === "workflow" && typeof name === "string" ? [{ name, className }] : [];
  });
}

function workflow({ name, className, workflowId }: RegisteredWorkflow): WorkflowClass {
  return { name, className, workflowId };
}
