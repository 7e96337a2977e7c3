import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { route } from "../../lib/api.ts";
import { pageResult, readPage } from "../../lib/paging.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { checkCrons, listTriggers } from "../cron/triggers.ts";
import { engineSettings } from "./engine-settings.ts";
import { versionNotFound } from "./errors.ts";
import { callHome } from "./home.ts";
import { instanceRoutes } from "./instance-routes.ts";
import { COUNT_MS } from "./limits.ts";
import { presentVersion, presentWorkflow } from "./present.ts";
import { SettingsBody } from "./settings.ts";
import {
  deleteWorkflow,
  deployedVersions,
  discardData,
  listWorkflows,
  type NamedWorkflow,
  putWorkflow,
  requireWorkflow,
} from "./store.ts";

const list = "/accounts/:account/workflows";
const one = `${list}/:workflow`;

const PutBody = SettingsBody.extend({
  script_name: z.string().min(1),
  class_name: z.string().min(1).max(256),
  schedules: z.array(z.object({ cron: z.string() })).nullish(),
});

const PAGE_SIZES = { default: 10, max: 100 };

/** Workflows and their instances, as wrangler and the SDK manage them (`wrangler-api.md` 2.10, 5.6). */
export const workflowRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: list,
    scope: "read",
    summary: "List workflows",
    handle: async ({ platform, accountId, query }) => {
      const page = readPage(query, PAGE_SIZES);
      const search = query.get("search") ?? "";
      const { rows, total } = await listWorkflows(platform.db, accountId, {
        offset: page.offset,
        limit: page.size,
        search,
      });
      return pageResult(
        page,
        rows.map((row) => presentWorkflow(row)),
        total,
      );
    },
  }),
  route<Platform>({
    method: "GET",
    path: one,
    scope: "read",
    summary: "Read a workflow, with the number of its instances by status",
    handle: async ({ platform, accountId, params }) => {
      const workflow = await requireWorkflow(platform.db, accountId, params.workflow ?? "");
      const counts = await instanceCounts(platform, workflow);
      return { ...presentWorkflow(workflow, counts), schedules: await schedulesOf(platform, workflow) };
    },
  }),
  route<Platform, z.infer<typeof PutBody>>({
    method: "PUT",
    path: one,
    scope: "edit",
    summary: "Make a workflow, or change its class, limits, retention and schedules",
    body: PutBody,
    handle: async ({ platform, accountId, actor, params, body }) => {
      const { script_name, class_name, schedules, ...settings } = body;
      const name = params.workflow ?? "";
      const crons = checkCrons((schedules ?? []).map(({ cron }) => cron));
      const put = { name, scriptName: script_name, className: class_name, settings, crons };
      const { hasChanged } = await putWorkflow(platform.db, accountId, put);
      const workflow = await requireWorkflow(platform.db, accountId, name);
      if (hasChanged) {
        await platform.runtime.publish();
        await configure(platform, workflow);
      }
      await platform.audit({
        accountId,
        actor,
        action: "workflow.put",
        target: name,
        detail: { script_name, class_name },
      });
      return { ...presentWorkflow(workflow), schedules: await schedulesOf(platform, workflow) };
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "edit",
    summary: "Delete a workflow with all its instances",
    handle: async ({ platform, accountId, actor, params }) => {
      const workflow = await requireWorkflow(platform.db, accountId, params.workflow ?? "");
      await deleteWorkflow(platform.db, workflow);
      await platform.runtime.publish();
      discardData(platform, workflow);
      await platform.audit({ accountId, actor, action: "workflow.delete", target: workflow.name });
      return { status: "ok", success: true };
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${one}/versions`,
    scope: "read",
    summary: "List the versions of a workflow: those of its Worker that have been deployed",
    handle: async ({ platform, accountId, params, query }) => {
      const page = readPage(query, PAGE_SIZES);
      const workflow = await requireWorkflow(platform.db, accountId, params.workflow ?? "");
      const range = { offset: page.offset, limit: page.size };
      const { rows, total } = await deployedVersions(platform.db, workflow, range);
      return pageResult(
        page,
        rows.map((version) => presentVersion(workflow, version)),
        total,
      );
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${one}/versions/:version`,
    scope: "read",
    summary: "Read a version of a workflow",
    handle: async ({ platform, accountId, params }) => {
      const workflow = await requireWorkflow(platform.db, accountId, params.workflow ?? "");
      const version = await platform.db
        .selectFrom("versions")
        .select(["id", "created_on"])
        .where("script_id", "=", workflow.script_id)
        .where("id", "=", params.version ?? "")
        .executeTakeFirst();
      if (!version) throw versionNotFound(params.version ?? "");
      return presentVersion(workflow, version);
    },
  }),
  ...instanceRoutes,
];

/** The Cron Triggers that create its instances. */
async function schedulesOf({ db }: Platform, workflow: NamedWorkflow): Promise<{ cron: string }[]> {
  const { account_id: accountId, script_id: scriptId, id: workflowId } = workflow;
  return (await listTriggers(db, { accountId, scriptId, workflowId })).map(({ cron }) => ({ cron }));
}

/** Undefined when the home cannot say soon: deploys read the workflow, and must not depend on code that does not run. */
async function instanceCounts(
  platform: Platform,
  workflow: NamedWorkflow,
): Promise<Record<string, number> | undefined> {
  const counts = callHome(platform, workflow, { method: "GET", path: "/counts" }).catch(() => undefined);
  const counted = await Promise.race([counts, delay(COUNT_MS, undefined, { ref: false })]);
  return counted as Record<string, number> | undefined;
}

/** Tells a home that runs already; one that starts later is told as it starts. */
async function configure(platform: Platform, workflow: NamedWorkflow): Promise<void> {
  const body = engineSettings(workflow.settings_json) ?? {};
  await callHome(platform, workflow, { method: "POST", path: "/configure", body }).catch(() => undefined);
}
