import type { ServiceDesignator, WorkerBinding } from "../../workerd/config.ts";
import { INTERNET } from "../../workerd/network.ts";
import { BindingError, bindingKind } from "../kind.ts";
import { ownedWorkflows, ownWorkflow } from "./launch.ts";
import { WORKFLOW_NAME } from "./limits.ts";
import { linkedWorkflow } from "./link.ts";

export const workflow = bindingKind({
  types: ["workflow"],
  schema: (z) =>
    z.object({
      name: z.string(),
      type: z.literal("workflow"),
      workflow_name: z.string(),
      class_name: z.string().optional(),
      script_name: z.string().optional(),
    }),
  accept: ({ name, type, workflow_name, class_name, script_name }, context) => {
    if (!WORKFLOW_NAME.test(workflow_name)) {
      throw new BindingError(
        `Binding "${name}" names the workflow "${workflow_name.slice(0, 80)}"; a name has 1 to 64 letters, digits, "-" and "_", ` +
          'and starts with a letter, a digit or "_".',
      );
    }
    const className = class_name ?? "";
    const workflowId = context.workflow(workflow_name, script_name, className);
    if (workflowId === undefined) {
      throw new BindingError(
        script_name === undefined
          ? `Binding "${name}" names the workflow "${workflow_name}", which cannot be bound. Set its class, a class of this Worker that extends WorkflowEntrypoint.`
          : `Binding "${name}" names the workflow "${workflow_name}" of the Worker "${script_name}", which has none of this name. Deploy that Worker first, or mend the name.`,
      );
    }
    return {
      type,
      name,
      workflowName: workflow_name,
      className,
      ...(script_name !== undefined && { scriptName: script_name }),
      workflowId,
    };
  },
  describe: ({ type, name, workflowName, className, scriptName }) => ({
    type,
    name,
    workflow_name: workflowName,
    class_name: className,
    ...(scriptName !== undefined && { script_name: scriptName }),
  }),
  launch: ({ name, workflowName, workflowId }, { record, mode, placement, linkSocket }) => {
    // While code is inspected the binding has its methods and leads nowhere.
    if (mode === "inspect") return { binding: wrapped(name, INTERNET) };
    if (ownedWorkflows(record, placement).some((owned) => owned.workflowId === workflowId))
      return { binding: wrapped(name, ownWorkflow(workflowName)) };
    const { designator, services } = linkedWorkflow(workflowId, linkSocket({ stateId: workflowId }));
    return { binding: wrapped(name, designator), services };
  },
});

/** The runtime's own binding: `create`, `get` and the rest over methods of the service. */
function wrapped(name: string, service: ServiceDesignator | string): WorkerBinding {
  const innerBindings: WorkerBinding[] = [{ name: "fetcher", service }];
  return { name, wrapped: { moduleName: "cloudflare-internal:workflows-api", innerBindings } };
}
