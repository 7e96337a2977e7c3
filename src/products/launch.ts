import type { LaunchRecord } from "../domain/version.ts";
import { composeLaunchPlan } from "../workerd/launch-plan.ts";
import type { LaunchContext, LaunchPlan } from "../workerd/plan.ts";
import { kindOf } from "./kinds.ts";

/** Makes the plan to start a version. Throws only on a record that upload should have refused. */
export function planLaunch(record: LaunchRecord, context: LaunchContext): LaunchPlan {
  return composeLaunchPlan(record, context, (binding, launchContext) =>
    kindOf(binding).launch(binding as never, launchContext),
  );
}
