/**
 * Deploy hooks (`pages-and-builds.md` 4.7): addresses that build a branch when they are called. A hook's id is all that a caller
 * needs, so it is stored as a hash, to be found by, and sealed, to be shown again.
 */
import { createHash, randomUUID } from "node:crypto";
import { apiUrl } from "../domain/config.ts";
import type { Platform } from "../store/platform.ts";
import type { PagesDeployHookRow } from "../store/schema.ts";
import { deployHookExists, deployHookNotFound, invalidRequest } from "./errors.ts";
import { MAX_DEPLOY_HOOKS } from "./limits.ts";
import { type Project, readProject } from "./projects.ts";

/** Path below the API's base. */
export const DEPLOY_HOOKS = "/pages/webhooks/deploy_hooks";

/** Oldest first. */
export function listDeployHooks({ db }: Pick<Platform, "db">, { row }: Project): Promise<PagesDeployHookRow[]> {
  return db
    .selectFrom("pages_deploy_hooks")
    .selectAll()
    .where("project_id", "=", row.id)
    .orderBy("created_on")
    .orderBy("name")
    .execute();
}

/** Errors: 8000114 when the name is taken, 8000103. */
export async function createDeployHook(
  { db, seal }: Pick<Platform, "db" | "seal">,
  project: Project,
  { name, branch }: Pick<PagesDeployHookRow, "name" | "branch">,
): Promise<PagesDeployHookRow> {
  const id = randomUUID();
  const row: PagesDeployHookRow = {
    id_hash: hashOf(id),
    id_sealed: seal(id).sealed,
    project_id: project.row.id,
    name,
    branch,
    created_on: new Date().toISOString(),
  };
  await db.transaction().execute(async (db) => {
    const all = await listDeployHooks({ db }, project);
    if (all.some((hook) => hook.name === name)) throw deployHookExists(name);
    if (all.length >= MAX_DEPLOY_HOOKS)
      throw invalidRequest(`The project has ${MAX_DEPLOY_HOOKS} deploy hooks, and cannot have more. Delete one first.`);
    await db.insertInto("pages_deploy_hooks").values(row).execute();
  });
  return row;
}

/** The hook is good no more when this resolves. Answers what it was; error 8000113 when the project has no such hook. */
export async function deleteDeployHook(
  { db }: Pick<Platform, "db">,
  { row }: Project,
  id: string,
): Promise<PagesDeployHookRow> {
  const deleted = await db
    .deleteFrom("pages_deploy_hooks")
    .where("project_id", "=", row.id)
    .where("id_hash", "=", hashOf(id))
    .returningAll()
    .executeTakeFirst();
  if (!deleted) throw deployHookNotFound();
  return deleted;
}

/** The hook that is called, and its project; error 8000113 when there is none of that id. */
export async function requireDeployHook(
  { db }: Pick<Platform, "db">,
  id: string,
): Promise<{ hook: PagesDeployHookRow; project: Project }> {
  const hook = await db
    .selectFrom("pages_deploy_hooks")
    .selectAll()
    .where("id_hash", "=", hashOf(id))
    .executeTakeFirst();
  const row =
    hook && (await db.selectFrom("pages_projects").selectAll().where("id", "=", hook.project_id).executeTakeFirst());
  if (!row) throw deployHookNotFound();
  return { hook, project: readProject(row) };
}

/** As the API shows it, and the address to call. */
export function presentDeployHook(
  { config, unseal }: Pick<Platform, "config" | "unseal">,
  { id_sealed, name, branch, created_on }: PagesDeployHookRow,
): Record<string, unknown> {
  const id = unseal({ sealed: id_sealed });
  return { hook_id: id, name, branch, url: `${apiUrl(config)}${DEPLOY_HOOKS}/${id}`, created_on };
}

function hashOf(id: string): string {
  return createHash("sha256").update(id).digest("hex");
}
