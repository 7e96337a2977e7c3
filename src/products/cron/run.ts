import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Delivery } from "../../domain/events.ts";
import { chooseVersion } from "../../domain/routing.ts";
import type { Platform } from "../../store/platform.ts";
import type { CronRunRow } from "../../store/schema.ts";
import { MAX_EVENT_MS } from "../../workerd/events.ts";
import { callHome } from "../workflows/home.ts";
import { RETRY_PAUSES_MS } from "./limits.ts";
import { endRun } from "./runs.ts";

/** Makes a run that has been noted, and notes what came of it. Never rejects. */
export async function makeRun(platform: Platform, run: CronRunRow): Promise<void> {
  const startedMs = performance.now();
  const end = await (run.workflow_id === null
    ? callHandler(platform, run)
    : createInstance(platform, run.workflow_id, run)
  ).catch((error: unknown): End => ({ outcome: "internalError", message: messageOf(error) }));
  await endRun(platform.db, run, {
    duration_ms: Math.round(performance.now() - startedMs),
    outcome: end.outcome,
    message: end.message ?? null,
    version_id: end.versionId ?? null,
  }).catch((error: unknown) => console.error("The end of a run of a cron trigger could not be noted:", error));
}

type End = Pick<Delivery, "outcome" | "message"> & { versionId?: string };

/** Each run chooses its version by the shares of the deployment as it is then, as a request without a key does. */
async function callHandler(platform: Platform, run: CronRunRow): Promise<End> {
  const event = { type: "scheduled", cron: run.cron, scheduledTimeMs: Date.parse(run.scheduled_on) } as const;
  for (let attempt = 0; ; attempt++) {
    const versionId = chooseVersion(await activeShares(platform.db, run.script_id), Math.random());
    if (versionId === undefined) return { outcome: "scriptNotFound", message: "The Worker has no deployment." };
    const { outcome, begun, message } = await platform.runtime.deliver(versionId, event, MAX_EVENT_MS);
    const pauseMs = RETRY_PAUSES_MS[attempt];
    // What has not begun may be tried again: it is no second run.
    const maySucceed = !begun && (outcome === "loadShed" || outcome === "internalError");
    if (!maySucceed || pauseMs === undefined) return { outcome, versionId, ...(message && { message }) };
    await delay(pauseMs, undefined, { ref: false });
  }
}

async function activeShares(
  db: Platform["db"],
  scriptId: string,
): Promise<{ versionId: string; percentage: number }[]> {
  const active = await db
    .selectFrom("deployments")
    .select("id")
    .where("script_id", "=", scriptId)
    .orderBy("sequence", "desc")
    .limit(1)
    .executeTakeFirst();
  if (!active) return [];
  const shares = await db
    .selectFrom("deployment_versions")
    .select(["version_id", "percentage"])
    .where("deployment_id", "=", active.id)
    .orderBy("position")
    .execute();
  return shares.map(({ version_id, percentage }) => ({ versionId: version_id, percentage }));
}

/** The run is done when the instance is there; what comes of that is the workflow's to say. */
async function createInstance(
  platform: Platform,
  workflowId: string,
  { cron, scheduled_on }: CronRunRow,
): Promise<End> {
  const workflow = await platform.db
    .selectFrom("workflows")
    .selectAll()
    .where("id", "=", workflowId)
    .executeTakeFirst();
  if (!workflow) return { outcome: "scriptNotFound", message: "The workflow was deleted." };
  const instanceId = randomUUID();
  const options = { id: instanceId, params: { cron, scheduledTime: Date.parse(scheduled_on) } };
  const call = { method: "POST", path: "/create", body: { source: "cron", options }, instanceId } as const;
  await callHome(platform, workflow, call);
  return { outcome: "ok", message: `Instance ${instanceId} of the workflow "${workflow.name}" was created.` };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
