import type { Placement } from "../../domain/homes.ts";
import type { LaunchRecord, WorkflowClass } from "../../domain/version.ts";
import type { LaunchState } from "../../workerd/binding-launch.ts";
import type { Service, ServiceDesignator, WorkerBinding } from "../../workerd/config.ts";
import { USER_SERVICE } from "../../workerd/launch-plan.ts";
import { STATE_SERVICE } from "../../workerd/state.ts";
import { workerText } from "./worker-texts.ts";

/** The service that runs a home's workflows. */
const ENGINE_SERVICE = "workflows";

/** What a binding calls for a workflow of {@link ownedWorkflows}. */
export function ownWorkflow(name: string): ServiceDesignator {
  return engine("WorkflowBinding", name);
}

/** The workflows whose instances run in this process. workerd does not start with a class that the code does not export. */
export function ownedWorkflows({ exports }: LaunchRecord, placement: Placement): WorkflowClass[] {
  if (placement.kind === "none") return [];
  const exported = new Set(exports.filter(({ kind }) => kind === "workflow").map(({ name }) => name));
  return placement.workflows.filter(({ className }) => exported.has(className));
}

/**
 * The engine of the workflows that a runner owns. Instances of each are objects of a namespace that the runtime makes by itself
 * and keeps in a directory whose name it chooses; the permanent id is the directory's name on the disk.
 */
export const launchWorkflows: LaunchState = ({ record, placement }) => {
  const workflows = ownedWorkflows(record, placement);
  if (workflows.length === 0) return undefined;
  // workerd has one workflow for each exported name; a class may have more, as when one was given another name.
  const exportName = (one: WorkflowClass) =>
    workflows.find(({ className }) => className === one.className) === one
      ? one.className
      : `Workflow_${one.workflowId}`;
  return {
    user: {
      workflowsEngine: {
        actorClass: { name: ENGINE_SERVICE, entrypoint: "Engine" },
        workflows: workflows.map((one) => ({
          className: exportName(one),
          name: one.name,
          bindingService: ownWorkflow(one.name),
        })),
      },
    },
    aliases: workflows
      .filter((one) => exportName(one) !== one.className)
      .map((one) => ({ exported: one.className, alias: exportName(one) })),
    services: [engineService(record, workflows)],
    state: workflows.map(({ name, workflowId }) => ({ name: namespaceOf(name), stateId: workflowId })),
    gate: {
      modules: [{ name: "workflows.js", esModule: workerText("gate-part") }],
      entrypoints: ["Workflows"],
      bindings: workflows.map(({ name, workflowId }) => ({
        name: `workflow:${workflowId}`,
        service: engine("Desk", name),
      })),
    },
  };
};

/** The name that the runtime gives to the namespace of a workflow's instances, and to its directory. */
function namespaceOf(name: string): string {
  return `miniflare-workflows-${name}`;
}

function engine(entrypoint: string, workflow: string): ServiceDesignator {
  return { name: ENGINE_SERVICE, entrypoint, props: { json: JSON.stringify({ workflow }) } };
}

function engineService({ versionId }: LaunchRecord, workflows: WorkflowClass[]): Service {
  const settings = Object.fromEntries(workflows.map(({ name, settings = {} }) => [name, settings]));
  const namespaces = workflows.map(
    ({ name }): WorkerBinding => ({
      name: `workflow:${name}`,
      durableObjectNamespace: { className: namespaceOf(name), serviceName: USER_SERVICE },
    }),
  );
  return {
    name: ENGINE_SERVICE,
    worker: {
      modules: [
        { name: "engine.js", esModule: workerText("engine") },
        { name: "instance-list.js", esModule: workerText("instance-list") },
        { name: "history.js", esModule: workerText("history") },
        { name: "values.js", esModule: workerText("values") },
        { name: "bundled.js", bundled: "/workerd/workflows.js" },
      ],
      // Decides, too, that a NonRetryableError keeps its message.
      compatibilityDate: "2026-11-01",
      bindings: [
        ...namespaces,
        { name: "WORKFLOWS", json: JSON.stringify(settings) },
        { name: "VERSION", text: versionId },
      ],
      durableObjectStorage: { localDisk: STATE_SERVICE },
    },
  };
}
