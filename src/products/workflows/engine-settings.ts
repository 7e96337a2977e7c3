import type { WorkflowSettings } from "../../domain/version.ts";

/** Stored settings of a workflow as the engine takes them; undefined when they leave it to its defaults. */
export function engineSettings(settingsJson: string): WorkflowSettings | undefined {
  const { limits, default_retention } = JSON.parse(settingsJson) as {
    limits?: { steps?: number } | null;
    default_retention?: { success_retention?: number | string; error_retention?: number | string } | null;
  };
  const { success_retention: success, error_retention: error } = default_retention ?? {};
  const retention = { ...(success !== undefined && { success }), ...(error !== undefined && { error }) };
  const settings = {
    ...(limits?.steps !== undefined && { steps: limits.steps }),
    ...(Object.keys(retention).length > 0 && { retention }),
  };
  return Object.keys(settings).length > 0 ? settings : undefined;
}
