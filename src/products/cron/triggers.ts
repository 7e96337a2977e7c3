/** The registry of Cron Triggers: those of a script's `scheduled` handler, and those that create instances of a workflow. */
import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import { CronError, parseCron } from "../../lib/cron.ts";
import type { CronTriggerRow, Database, ScriptRow } from "../../store/schema.ts";
import { invalidCron, scriptNotFound, tooManyTriggers } from "./errors.ts";
import { MAX_CRON_CHARS, MAX_TRIGGERS } from "./limits.ts";

type Db = Kysely<Database>;

/** Whose triggers: without `workflowId` those of the script's handler. */
export interface TriggerOwner {
  accountId: string;
  scriptId: string;
  workflowId?: string;
}

/** The Worker, or the script that serves a Pages project; error 10007 when there is none. */
export async function requireScript(db: Db, accountId: string, name: string): Promise<ScriptRow> {
  const row = await db
    .selectFrom("scripts")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("name", "=", name)
    .where("kind", "in", ["worker", "pages"])
    .executeTakeFirst();
  if (!row) throw scriptNotFound(name);
  return row;
}

/** In the order in which they were given. */
export function listTriggers(db: Db, { scriptId, workflowId }: TriggerOwner): Promise<CronTriggerRow[]> {
  const all = db.selectFrom("cron_triggers").selectAll().where("script_id", "=", scriptId);
  return (workflowId === undefined ? all.where("workflow_id", "is", null) : all.where("workflow_id", "=", workflowId))
    .orderBy("created_on")
    .orderBy("id")
    .execute();
}

/** The expressions as they are kept: without space around them, each once. Error 10026 for one that is not valid. */
export function checkCrons(crons: string[]): string[] {
  const texts = [...new Set(crons.map((cron) => cron.trim()))];
  for (const cron of texts) {
    if (cron.length > MAX_CRON_CHARS) throw invalidCron(cron, `it is longer than ${MAX_CRON_CHARS} characters`);
    try {
      parseCron(cron);
    } catch (error) {
      throw error instanceof CronError ? invalidCron(cron, error.message) : error;
    }
  }
  return texts;
}

/** Replaces the owner's triggers; those that stay keep their age. Call in a transaction, with what {@link checkCrons} gave. */
export async function replaceTriggers(db: Db, owner: TriggerOwner, crons: string[], now: Date): Promise<void> {
  const { accountId, scriptId, workflowId = null } = owner;
  const before = await listTriggers(db, owner);
  const gone = before.filter(({ cron }) => !crons.includes(cron)).map(({ id }) => id);
  if (gone.length > 0) await db.deleteFrom("cron_triggers").where("id", "in", gone).execute();
  const added = crons.filter((cron) => !before.some((row) => row.cron === cron));
  if (added.length === 0) return;
  const { count } = await db
    .selectFrom("cron_triggers")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  if (Number(count) + added.length > MAX_TRIGGERS) throw tooManyTriggers(Number(count) + added.length);
  const created_on = now.toISOString();
  const rows = added.map((cron): CronTriggerRow => {
    const owned = { account_id: accountId, script_id: scriptId, workflow_id: workflowId };
    return { id: randomUUID(), ...owned, cron, created_on, modified_on: created_on };
  });
  await db.insertInto("cron_triggers").values(rows).execute();
}
