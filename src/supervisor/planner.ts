import { join } from "node:path";
import type { Config } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { loadMasterKey, unseal } from "../lib/seal.ts";
import type { LaunchMode, LaunchPlan, PlanLaunch } from "../workerd/plan.ts";
import { type RunnerHost, runnerView } from "./sandbox.ts";

/** Makes the plan with which a version starts in an instance directory. Throws when the record cannot be started. */
export type Planner = (record: LaunchRecord, directory: string, mode: LaunchMode) => LaunchPlan;

export function planner(config: Config, host: RunnerHost, planLaunch: PlanLaunch): Planner {
  let masterKey: Buffer | undefined;
  return (record, directory, mode) => {
    const view = runnerView(host, directory);
    return planLaunch(record, {
      mode,
      socketDir: view.in,
      servicesDir: view.svc,
      emptyDir: view.empty,
      placement: { kind: "none" },
      stateDir: join(view.in, "state"),
      allowPrivate: config.allowPrivate,
      unseal(sealed) {
        // Control makes the key at its first start: it is there when there is a secret.
        masterKey ??= loadMasterKey(paths(config).masterKey);
        return unseal(masterKey, sealed);
      },
    });
  };
}
