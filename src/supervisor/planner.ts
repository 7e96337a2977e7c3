import type { Config } from "../domain/config.ts";
import type { Placement } from "../domain/homes.ts";
import { paths } from "../domain/paths.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { loadMasterKey, unseal } from "../lib/seal.ts";
import type { LaunchMode, LaunchPlan, PlanLaunch, Predecessor } from "../workerd/plan.ts";
import { type RunnerHost, runnerView } from "./sandbox.ts";

/** What a runner is among those of its script. */
export interface Standing {
  instanceId: string;
  placement: Placement;
  predecessor: Predecessor | undefined;
  /** It is to report its invocations. */
  traced: boolean;
}

/**
 * Makes the plan with which a version starts in an instance directory; without `standing` it owns nothing.
 * Throws when the record cannot be started.
 */
export type Planner = (record: LaunchRecord, directory: string, mode: LaunchMode, standing?: Standing) => LaunchPlan;

export function planner(config: Config, host: RunnerHost, planLaunch: PlanLaunch): Planner {
  let masterKey: Buffer | undefined;
  return (record, directory, mode, standing) => {
    const view = runnerView(host, directory);
    return planLaunch(record, {
      mode,
      socketDir: view.in,
      servicesDir: view.svc,
      emptyDir: view.empty,
      placement: standing?.placement ?? { kind: "none" },
      stateDir: view.state,
      allowPrivate: config.allowPrivate,
      ports: [config.port, config.httpsPort].filter((port) => port !== 0),
      ...(standing && { instanceId: standing.instanceId, traced: standing.traced }),
      ...(standing?.predecessor && { predecessor: standing.predecessor }),
      unseal(sealed) {
        // Control makes the key at its first start: it is there when there is a secret.
        masterKey ??= loadMasterKey(paths(config).masterKey);
        return unseal(masterKey, sealed);
      },
    });
  };
}
