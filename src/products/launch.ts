import type { LaunchRecord } from "../domain/version.ts";
import type { LaunchState } from "../workerd/binding-launch.ts";
import { composeLaunchPlan } from "../workerd/launch-plan.ts";
import type { LaunchContext, LaunchPlan } from "../workerd/plan.ts";
import { rawBinding } from "../workerd/raw-binding.ts";
import { cacheService } from "./cache/launch.ts";
import { launchObjects } from "./durable-objects/launch.ts";
import { kindOf } from "./kinds.ts";
import { launchWorkflows } from "./workflows/launch.ts";

/** Every product that keeps state in runners. A new one adds its line here. */
const launchStates: LaunchState[] = [launchObjects, launchWorkflows];

/** Makes the plan to start a version. Throws only on a record that upload should have refused. */
export function planLaunch(record: LaunchRecord, context: LaunchContext): LaunchPlan {
  return composeLaunchPlan(
    record,
    context,
    (binding, launchContext) => {
      const launch = kindOf(binding).launch(binding as never, launchContext);
      return binding.raw ? { ...launch, binding: rawBinding(launch.binding) } : launch;
    },
    launchStates,
    cacheService,
  );
}
