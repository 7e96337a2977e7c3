import type { StoredSettings } from "./settings.ts";
import type { NamedWorkflow } from "./store.ts";

const STATUSES = [
  "complete",
  "errored",
  "paused",
  "queued",
  "rollingBack",
  "running",
  "terminated",
  "waiting",
  "waitingForPause",
] as const;

/** A workflow as clients read it. `counts`: instances by status, where they are known. */
export function presentWorkflow(row: NamedWorkflow, counts?: Record<string, number>) {
  const { limits, concurrency, default_retention, jurisdiction } = JSON.parse(row.settings_json) as StoredSettings;
  return {
    id: row.id,
    name: row.name,
    script_name: row.script_name,
    class_name: row.class_name,
    created_on: row.created_on,
    modified_on: row.modified_on,
    triggered_on: null,
    ...(limits && { limits }),
    ...(concurrency && { concurrency }),
    ...(default_retention && { default_retention }),
    ...(jurisdiction && { jurisdiction }),
    instances: counts ? Object.fromEntries(STATUSES.map((status) => [status, counts[status] ?? 0])) : {},
  };
}

export function presentVersion(workflow: NamedWorkflow, version: { id: string; created_on: string }) {
  return {
    id: version.id,
    workflow_id: workflow.id,
    class_name: workflow.class_name,
    created_on: version.created_on,
    modified_on: version.created_on,
    has_dag: false,
  };
}

/** An entry of `instance-list.worker.js`. */
export interface ListedInstance {
  id: string;
  created: number;
  modified: number;
  status: string;
  source: string;
  version: string;
}

export function presentInstance(workflow: NamedWorkflow, instance: ListedInstance) {
  const created_on = new Date(instance.created).toISOString();
  return {
    id: instance.id,
    workflow_id: workflow.id,
    version_id: instance.version,
    status: instance.status,
    trigger: { source: instance.source },
    created_on,
    modified_on: new Date(instance.modified).toISOString(),
  };
}
