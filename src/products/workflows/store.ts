import type { Platform } from "../../store/platform.ts";
import type { WorkflowRow } from "../../store/schema.ts";
import { replaceTriggers } from "../cron/triggers.ts";
import { badWorkflowName, jurisdictionFixed, scriptNotFound, tooManyWorkflows, workflowNotFound } from "./errors.ts";
import { MAX_WORKFLOWS, WORKFLOW_NAME } from "./limits.ts";
import { findWorkflow, newWorkflowId, saveWorkflow } from "./registry.ts";
import { checkSettings, type StoredSettings } from "./settings.ts";

type Db = Platform["db"];

/** A workflow with the name of its script. */
export type NamedWorkflow = WorkflowRow & { script_name: string };

/** A page of an account's workflows, by name, and how many there are. */
export async function listWorkflows(
  db: Db,
  accountId: string,
  { offset, limit, search }: { offset: number; limit: number; search: string },
): Promise<{ rows: NamedWorkflow[]; total: number }> {
  const all = named(db)
    .where("workflows.account_id", "=", accountId)
    .where("workflows.name", "like", `%${search.replace(/[%_]/g, "")}%`);
  const rows = await all.orderBy("workflows.name").offset(offset).limit(limit).execute();
  const { total } = await db
    .selectFrom("workflows")
    .select(({ fn }) => fn.countAll<number>().as("total"))
    .where("account_id", "=", accountId)
    .where("name", "like", `%${search.replace(/[%_]/g, "")}%`)
    .executeTakeFirstOrThrow();
  return { rows, total: Number(total) };
}

/** Error 10200. */
export async function requireWorkflow(db: Db, accountId: string, name: string): Promise<NamedWorkflow> {
  const row = await named(db)
    .where("workflows.account_id", "=", accountId)
    .where("workflows.name", "=", name)
    .executeTakeFirst();
  if (!row) throw workflowNotFound(name);
  return row;
}

export interface WorkflowPut {
  name: string;
  scriptName: string;
  className: string;
  settings: StoredSettings;
  /** Expressions by which instances are created, checked. */
  crons: string[];
}

/** Makes the workflow, or gives it other settings; says whether anything changed that its home must know. */
export async function putWorkflow(db: Db, accountId: string, put: WorkflowPut): Promise<{ hasChanged: boolean }> {
  const { name, scriptName, className, settings, crons } = put;
  if (!WORKFLOW_NAME.test(name)) throw badWorkflowName(name);
  checkSettings(settings);
  const script = await db
    .selectFrom("scripts")
    .select("id")
    .where("account_id", "=", accountId)
    .where("name", "=", scriptName)
    .executeTakeFirst();
  if (!script) throw scriptNotFound(scriptName);
  return db.transaction().execute(async (tx) => {
    const now = new Date().toISOString();
    const old = await findWorkflow(tx, accountId, name);
    if (!old) await refuseTooMany(tx, accountId);
    const before = old ? (JSON.parse(old.settings_json) as StoredSettings) : {};
    if (old && settings.jurisdiction && settings.jurisdiction !== before.jurisdiction) throw jurisdictionFixed(name);
    const workflowId = old?.id ?? newWorkflowId();
    await saveWorkflow(tx, { accountId, scriptId: script.id, now }, { name, className, workflowId });
    const jurisdiction = settings.jurisdiction ?? before.jurisdiction;
    const settings_json = JSON.stringify({ ...settings, ...(jurisdiction && { jurisdiction }) });
    const hasChanged = !old || old.class_name !== className || old.settings_json !== settings_json;
    if (hasChanged) {
      await tx.updateTable("workflows").set({ settings_json, modified_on: now }).where("id", "=", workflowId).execute();
    }
    await replaceTriggers(tx, { accountId, scriptId: script.id, workflowId }, crons, new Date(now));
    return { hasChanged };
  });
}

/** Forgets the workflow; its data is to be discarded once its home has let go of it. */
export async function deleteWorkflow(db: Db, { id }: WorkflowRow): Promise<void> {
  const discarded_on = new Date().toISOString();
  await db.transaction().execute(async (tx) => {
    await tx.deleteFrom("workflows").where("id", "=", id).execute();
    await tx
      .insertInto("discarded_states")
      .values({ id, discarded_on })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  });
}

/** Has the data of a deleted workflow removed. Does not wait, and never fails: what is left is tried again at the next start. */
export function discardData({ db, runtime }: Platform, { id, name }: WorkflowRow): void {
  runtime
    .discardState([id])
    .then(() => db.deleteFrom("discarded_states").where("id", "=", id).execute())
    .catch((error: unknown) =>
      console.error(`Data of the deleted workflow "${name}" could not be removed yet:`, error),
    );
}

/** Versions of the script that have been deployed, newest first, a page of them. */
export async function deployedVersions(
  db: Db,
  { script_id }: WorkflowRow,
  page: { offset: number; limit: number },
): Promise<{ rows: { id: string; created_on: string }[]; total: number }> {
  const deployed = () =>
    db
      .selectFrom("versions")
      .where("versions.script_id", "=", script_id)
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom("deployment_versions as share")
            .select("share.version_id")
            .whereRef("share.version_id", "=", "versions.id"),
        ),
      );
  const rows = await deployed()
    .select(["versions.id", "versions.created_on"])
    .orderBy("versions.number", "desc")
    .offset(page.offset)
    .limit(page.limit)
    .execute();
  const { total } = await deployed()
    .select(({ fn }) => fn.countAll<number>().as("total"))
    .executeTakeFirstOrThrow();
  return { rows, total: Number(total) };
}

async function refuseTooMany(db: Db, accountId: string): Promise<void> {
  const { count } = await db
    .selectFrom("workflows")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  if (Number(count) >= MAX_WORKFLOWS) throw tooManyWorkflows(MAX_WORKFLOWS);
}

function named(db: Db) {
  return db
    .selectFrom("workflows")
    .innerJoin("scripts", "scripts.id", "workflows.script_id")
    .selectAll("workflows")
    .select("scripts.name as script_name");
}
