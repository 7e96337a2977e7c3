/** The registry of classes: rows of `object_namespaces` and of transfers that are to come. */
import { randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import type { ObjectClass } from "../../domain/version.ts";
import type { Database } from "../../store/schema.ts";
import { changedMeanwhile, classExists, tooManyClasses } from "./errors.ts";
import type { LifecycleOperation, RegisteredClass, ScriptRef } from "./lifecycle.ts";
import { MAX_CLASSES } from "./limits.ts";

type Db = Kysely<Database>;

/** A transfer that a script expects. */
export interface ExpectedTransfer {
  scriptId: string;
  scriptName: string;
  className: string;
  sourceScriptId: string;
  sourceScriptName: string;
}

/** Permanent, and never used before. */
export function newNamespaceId(): string {
  return randomBytes(16).toString("hex");
}

/** An account's classes, by script and name. */
export async function accountClasses(db: Db, accountId: string): Promise<RegisteredClass[]> {
  const rows = await db
    .selectFrom("object_namespaces as namespace")
    .innerJoin("scripts", "scripts.id", "namespace.script_id")
    .select(["namespace.id", "namespace.class_name", "namespace.storage", "namespace.transferred_from"])
    .select(["scripts.id as script_id", "scripts.name as script_name"])
    .where("namespace.account_id", "=", accountId)
    .orderBy("scripts.name")
    .orderBy("namespace.class_name")
    .execute();
  return rows.map((row) => ({
    ...objectClass(row),
    scriptId: row.script_id,
    scriptName: row.script_name,
    transferredFrom: row.transferred_from,
  }));
}

/** A script's classes, by name. */
export async function classesOfScript(db: Db, scriptId: string): Promise<ObjectClass[]> {
  const rows = await db
    .selectFrom("object_namespaces")
    .select(["id", "class_name", "storage"])
    .where("script_id", "=", scriptId)
    .orderBy("class_name")
    .execute();
  return rows.map(objectClass);
}

/** Classes by script, for all scripts that have some. */
export async function classesByScript(db: Db): Promise<Map<string, ObjectClass[]>> {
  const rows = await db
    .selectFrom("object_namespaces")
    .select(["script_id", "id", "class_name", "storage"])
    .orderBy("class_name")
    .execute();
  return Map.groupBy(rows, (row) => row.script_id)
    .entries()
    .reduce((map, [id, own]) => map.set(id, own.map(objectClass)), new Map<string, ObjectClass[]>());
}

/** Transfers that scripts of the account expect. */
export async function expectedTransfers(db: Db, accountId: string): Promise<ExpectedTransfer[]> {
  const rows = await db
    .selectFrom("object_transfers as transfer")
    .innerJoin("scripts as target", "target.id", "transfer.script_id")
    .innerJoin("scripts as source", "source.id", "transfer.source_script_id")
    .select(["transfer.class_name", "target.id", "target.name", "source.id as source_id", "source.name as source_name"])
    .where("target.account_id", "=", accountId)
    .execute();
  return rows.map((row) => ({
    scriptId: row.id,
    scriptName: row.name,
    className: row.class_name,
    sourceScriptId: row.source_id,
    sourceScriptName: row.source_name,
  }));
}

/**
 * Changes the registry as planned. Run in the transaction that stores the upload.
 * Errors: 10035 when a class is no longer what the plan started from.
 */
export async function applyOperations(
  db: Db,
  operations: LifecycleOperation[],
  { accountId, scriptId, now }: { accountId: string; scriptId: string; now: string },
): Promise<void> {
  const id = (script: ScriptRef) => (script === "uploaded" ? scriptId : script);
  for (const operation of operations) {
    switch (operation.kind) {
      case "create":
        await create(db, { accountId, scriptId, now }, operation.class);
        break;
      case "move": {
        const { namespaceId, from, to, givenBy } = operation;
        await refuseTaken(db, id(to.script), to.className);
        const { numUpdatedRows } = await db
          .updateTable("object_namespaces")
          .set({
            script_id: id(to.script),
            class_name: to.className,
            ...(givenBy !== undefined && { transferred_from: givenBy }),
          })
          .where("id", "=", namespaceId)
          .where("script_id", "=", id(from.script))
          .where("class_name", "=", from.className)
          .executeTakeFirst();
        if (Number(numUpdatedRows) !== 1) throw changedMeanwhile();
        break;
      }
      case "discard": {
        const { numDeletedRows } = await db
          .deleteFrom("object_namespaces")
          .where("id", "=", operation.namespaceId)
          .where("script_id", "=", scriptId)
          .executeTakeFirst();
        if (Number(numDeletedRows) !== 1) throw changedMeanwhile();
        await discardStates(db, [operation.namespaceId], now);
        break;
      }
      case "expect":
        await db
          .insertInto("object_transfers")
          .values({
            script_id: scriptId,
            class_name: operation.className,
            source_script_id: operation.sourceScriptId,
            created_on: now,
          })
          .execute();
        break;
      case "stop-expecting":
        await db
          .deleteFrom("object_transfers")
          .where("script_id", "=", id(operation.script))
          .where("class_name", "=", operation.className)
          .execute();
        break;
    }
  }
}

/** Notes data that is to be removed once nobody can reach it. */
export async function discardStates(db: Db, ids: string[], now: string): Promise<void> {
  if (ids.length === 0) return;
  await db
    .insertInto("discarded_states")
    .values(ids.map((id) => ({ id, discarded_on: now })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

async function create(
  db: Db,
  { accountId, scriptId, now }: { accountId: string; scriptId: string; now: string },
  { namespaceId, className, storage }: ObjectClass,
): Promise<void> {
  await refuseTaken(db, scriptId, className);
  const { count } = await db
    .selectFrom("object_namespaces")
    .select(({ fn }) => fn.countAll<number | string>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  if (Number(count) >= MAX_CLASSES) throw tooManyClasses();
  const facts = { id: namespaceId, account_id: accountId, script_id: scriptId, class_name: className };
  await db
    .insertInto("object_namespaces")
    .values({ ...facts, storage, created_on: now, transferred_from: null })
    .execute();
}

async function refuseTaken(db: Db, scriptId: string, className: string): Promise<void> {
  const taken = await db
    .selectFrom("object_namespaces")
    .select("id")
    .where("script_id", "=", scriptId)
    .where("class_name", "=", className)
    .executeTakeFirst();
  if (taken) throw classExists(className);
}

function objectClass(row: { id: string; class_name: string; storage: string }): ObjectClass {
  return { className: row.class_name, namespaceId: row.id, storage: row.storage === "sqlite" ? "sqlite" : "legacy-kv" };
}

/** A namespace's name for people, as the original makes it. */
export function namespaceName(scriptName: string, className: string): string {
  return `${scriptName}_${className}`;
}
