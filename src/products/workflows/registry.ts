/** The registry of workflows: rows of `workflows`, shared by uploads and by the API of workflows. */
import { randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import type { WorkflowClass } from "../../domain/version.ts";
import { ApiError } from "../../lib/api.ts";
import type { Database, WorkflowRow } from "../../store/schema.ts";
import { engineSettings } from "./engine-settings.ts";

type Db = Kysely<Database>;

/** A workflow with the name of the script that has it. */
export interface RegisteredWorkflow extends WorkflowClass {
  scriptId: string;
  scriptName: string;
}

/** Permanent, and never used before. */
export function newWorkflowId(): string {
  return randomBytes(16).toString("hex");
}

/** An account's workflows, by name. */
export async function accountWorkflows(db: Db, accountId: string): Promise<RegisteredWorkflow[]> {
  const rows = await db
    .selectFrom("workflows")
    .innerJoin("scripts", "scripts.id", "workflows.script_id")
    .select(["workflows.id", "workflows.name", "workflows.class_name"])
    .select(["scripts.id as script_id", "scripts.name as script_name"])
    .where("workflows.account_id", "=", accountId)
    .orderBy("workflows.name")
    .execute();
  return rows.map((row) => ({ ...workflowClass(row), scriptId: row.script_id, scriptName: row.script_name }));
}

export function findWorkflow(db: Db, accountId: string, name: string): Promise<WorkflowRow | undefined> {
  return db
    .selectFrom("workflows")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("name", "=", name)
    .executeTakeFirst();
}

/** A script's workflows, by name. */
export async function workflowsOfScript(db: Db, scriptId: string): Promise<WorkflowClass[]> {
  const rows = await db
    .selectFrom("workflows")
    .select(["id", "name", "class_name"])
    .where("script_id", "=", scriptId)
    .orderBy("name")
    .execute();
  return rows.map(workflowClass);
}

/** Workflows by script, for all scripts that have some. */
export async function workflowsByScript(db: Db): Promise<Map<string, WorkflowClass[]>> {
  const rows = await db
    .selectFrom("workflows")
    .select(["script_id", "id", "name", "class_name", "settings_json"])
    .orderBy("name")
    .execute();
  return Map.groupBy(rows, (row) => row.script_id)
    .entries()
    .reduce((map, [id, own]) => map.set(id, own.map(withSettings)), new Map<string, WorkflowClass[]>());
}

/**
 * Makes the workflow the script's: adds it under the id given, or changes the class of the one there is.
 * Error 10021 when another script has a workflow of this name.
 */
export async function saveWorkflow(
  db: Db,
  { accountId, scriptId, now }: { accountId: string; scriptId: string; now: string },
  { name, className, workflowId }: WorkflowClass,
): Promise<void> {
  const old = await findWorkflow(db, accountId, name);
  if (old && old.script_id !== scriptId) throw workflowOfAnother(name);
  if (!old) {
    const facts = { id: workflowId, account_id: accountId, script_id: scriptId, name, class_name: className };
    await db
      .insertInto("workflows")
      .values({ ...facts, created_on: now, modified_on: now, settings_json: "{}" })
      .execute();
  } else if (old.class_name !== className) {
    await db
      .updateTable("workflows")
      .set({ class_name: className, modified_on: now })
      .where("id", "=", old.id)
      .execute();
  }
}

export const workflowOfAnother = (name: string, scriptName?: string) =>
  new ApiError(409, {
    code: 10021,
    message:
      `The workflow "${name}" belongs to ${scriptName ? `the Worker "${scriptName}"` : "another Worker"}. ` +
      "Names of workflows are unique in the account: choose another, bind that one with script_name, or delete it first.",
  });

/** As its home starts it. */
function withSettings(row: Pick<WorkflowRow, "id" | "name" | "class_name" | "settings_json">): WorkflowClass {
  const settings = engineSettings(row.settings_json);
  return { ...workflowClass(row), ...(settings && { settings }) };
}

function workflowClass(row: { id: string; name: string; class_name: string }): WorkflowClass {
  return { name: row.name, className: row.class_name, workflowId: row.id };
}
