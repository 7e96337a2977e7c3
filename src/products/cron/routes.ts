import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { type ApiRequest, ApiResult, route } from "../../lib/api.ts";
import { activeRecords } from "../../store/active-records.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import type { CronRunRow, CronTriggerRow, ScriptRow } from "../../store/schema.ts";
import { beginAskedRun } from "./asked-run.ts";
import { runNotFound, triggerNotFound } from "./errors.ts";
import { RUN_WAIT_MS } from "./limits.ts";
import { findRun, listRuns } from "./runs.ts";
import { checkCrons, listTriggers, replaceTriggers, requireScript } from "./triggers.ts";

const schedules = "/accounts/:account/workers/scripts/:script/schedules";

const Schedule = z.object({ cron: z.string() });
// The client sends a list, the original's documentation also knows `{ schedules }`.
const Schedules = z.union([z.array(Schedule), z.object({ schedules: z.array(Schedule) })]);
const RunBody = z.object({ cron: z.string().nullish() }).optional();

/** Cron Triggers of a Worker, as wrangler and the SDK manage them (`wrangler-api.md` 2.10), and their runs. */
export const cronRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: schedules,
    scope: "read",
    summary: "List a Worker's cron triggers",
    handle: async (request) => shown(request, await scriptOf(request)),
  }),
  route<Platform, z.infer<typeof Schedules>>({
    method: "PUT",
    path: schedules,
    scope: "edit",
    summary: "Replace a Worker's cron triggers",
    body: Schedules,
    handle: async (request) => {
      const { platform, accountId, body } = request;
      const script = await scriptOf(request);
      const crons = checkCrons((Array.isArray(body) ? body : body.schedules).map(({ cron }) => cron));
      const owner = { accountId, scriptId: script.id };
      await platform.db.transaction().execute((db) => replaceTriggers(db, owner, crons, new Date()));
      return new ApiResult(await shown(request, script), {
        messages: crons.length > 0 ? await unheard(request, script.name) : [],
      });
    },
  }),
  route<Platform, z.infer<typeof RunBody>>({
    method: "POST",
    path: `${schedules}/run`,
    scope: "edit",
    summary: "Run one of a Worker's cron triggers now; answers when it is done, or after 25 s that it goes on",
    body: RunBody,
    handle: async (request) => {
      const { platform, accountId, body } = request;
      const script = await scriptOf(request);
      const trigger = chosen(
        await listTriggers(platform.db, { accountId, scriptId: script.id }),
        body?.cron ?? undefined,
      );
      const { run, done } = await beginAskedRun(platform, trigger);
      await Promise.race([done, delay(RUN_WAIT_MS, undefined, { ref: false })]);
      return present((await findRun(platform.db, script.id, run.id)) ?? run);
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${schedules}/runs`,
    scope: "read",
    summary: "List the last 100 runs of a Worker's cron triggers, newest first",
    handle: async (request) => {
      const script = await scriptOf(request);
      return (await listRuns(request.platform.db, script.id)).map(present);
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${schedules}/runs/:run`,
    scope: "read",
    summary: "Read a run of a Worker's cron triggers",
    handle: async (request) => {
      const script = await scriptOf(request);
      const id = request.params.run ?? "";
      const run = await findRun(request.platform.db, script.id, id);
      if (!run) throw runNotFound(id);
      return present(run);
    },
  }),
];

function scriptOf({ platform, accountId, params }: ApiRequest<Platform, unknown>): Promise<ScriptRow> {
  return requireScript(platform.db, accountId, params.script ?? "");
}

async function shown({ platform, accountId }: ApiRequest<Platform, unknown>, script: ScriptRow) {
  const rows = await listTriggers(platform.db, { accountId, scriptId: script.id });
  return { schedules: rows.map(({ cron, created_on, modified_on }) => ({ cron, created_on, modified_on })) };
}

/**
 * That the triggers will fail with what is deployed now, as the original lets them: it takes triggers before their handler. Nothing to say
 * before the first deployment.
 */
async function unheard({ platform, accountId }: ApiRequest<Platform, unknown>, script: string): Promise<string[]> {
  const active = (await activeRecords(platform.db, accountId)).filter(({ name }) => name === script);
  const handles = active.some(({ record }) =>
    record.exports.some(({ name, handlers }) => name === "default" && handlers.includes("scheduled")),
  );
  return active.length === 0 || handles
    ? []
    : [
        `The code of "${script}" has no scheduled() handler, so every run of its triggers will fail. Export one by default, and deploy it.`,
      ];
}

/** The trigger that is meant; without a word the only one there is. */
function chosen(triggers: CronTriggerRow[], cron: string | undefined): CronTriggerRow {
  const [only, ...others] = triggers;
  const found = cron === undefined && others.length === 0 ? only : triggers.find((one) => one.cron === cron?.trim());
  if (!found)
    throw triggerNotFound(
      cron,
      triggers.map((one) => one.cron),
    );
  return found;
}

/** A run as clients read it. Without `outcome` it goes on. */
function present(row: CronRunRow) {
  return {
    id: row.id,
    cron: row.cron,
    source: row.source,
    scheduled_time: row.scheduled_on,
    started_on: row.started_on,
    duration_ms: row.duration_ms,
    outcome: row.outcome,
    message: row.message,
    version_id: row.version_id,
    workflow_id: row.workflow_id,
  };
}
