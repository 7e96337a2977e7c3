import { type Service, type ServiceDesignator, VOID } from "../../workerd/config.ts";
import { rpcNames } from "../../workerd/runtime-text.ts";
import { workerText } from "./worker-texts.ts";

const LINK_SERVICE = "workflow-link";

/** What a binding calls for a workflow whose instances another runner owns: that runner's gate, over its RPC port. */
export function linkedWorkflow(
  workflowId: string,
  socketPath: string,
): { designator: ServiceDesignator; services: Service[] } {
  const props = JSON.stringify({ address: `unix:${socketPath}`, workflow: workflowId });
  return {
    designator: { name: LINK_SERVICE, entrypoint: "WorkflowLink", props: { json: props } },
    services: [service()],
  };
}

/** One worker, and so one isolate, for all workflows of others. */
function service(): Service {
  return {
    name: LINK_SERVICE,
    worker: {
      modules: [{ name: "link.js", esModule: workerText("link") }, rpcNames()],
      compatibilityDate: "2026-11-01",
      bindings: [{ name: "DEBUG_PORT", workerdDebugPort: VOID }],
    },
  };
}
