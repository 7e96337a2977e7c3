import { isDeepStrictEqual } from "node:util";
import type { Placement } from "../domain/homes.ts";
import type { paths } from "../domain/paths.ts";
import type { LaunchRecord } from "../domain/version.ts";
import type { LaunchPlan } from "../workerd/plan.ts";
import type { StateMount } from "./state-files.ts";

type Files = ReturnType<typeof paths>;

/** Ids of the namespaces and workflows that a placement owns. */
export function stateIds(placement: Placement): string[] {
  if (placement.kind === "none") return [];
  return [
    ...placement.classes.map(({ namespaceId }) => namespaceId),
    ...placement.workflows.map(({ workflowId }) => workflowId),
  ];
}

/** Where the state of this id is for a runner of this placement. */
export function stateDirectory(files: Files, { kind }: Placement, versionId: string, stateId: string): string {
  return kind === "preview" ? files.previewStateOf(versionId, stateId) : files.stateOf(stateId);
}

/** What the runner is to be given for its plan. Throws when the plan asks for what the placement does not own. */
export function stateMounts(files: Files, placement: Placement, versionId: string, plan: LaunchPlan): StateMount[] {
  const owned = new Set(stateIds(placement));
  return plan.state.map(({ name, stateId }) => {
    if (!owned.has(stateId)) throw new Error(`the state ${stateId} is not this version's`);
    return { name, directory: stateDirectory(files, placement, versionId, stateId) };
  });
}

/** Whether a runner that was started as one would have to be started anew to be the other. */
export function samePlacement(one: Placement, other: Placement): boolean {
  return isDeepStrictEqual(inOrder(one), inOrder(other));
}

/** What the version may use in this placement: the objects of a script share one heap, for which its own limit is small. */
export function placedRecord(record: LaunchRecord, placement: Placement, homeMemoryMb: number): LaunchRecord {
  if (placement.kind === "none") return record;
  const memoryMb = Math.max(record.limits.memoryMb, homeMemoryMb);
  return { ...record, limits: { ...record.limits, memoryMb } };
}

function inOrder(placement: Placement): Placement {
  if (placement.kind === "none") return placement;
  return {
    kind: placement.kind,
    classes: placement.classes.toSorted((a, b) => (a.namespaceId < b.namespaceId ? -1 : 1)),
    workflows: placement.workflows
      // A runner is told of new settings while it runs (`products/workflows/routes.ts`).
      .map(({ settings: _, ...workflow }) => workflow)
      .toSorted((a, b) => (a.workflowId < b.workflowId ? -1 : 1)),
  };
}
