import type { Platform } from "../store/platform.ts";
import type { PagesAliasRow } from "../store/schema.ts";
import { setAlias } from "../workers/aliases.ts";
import { aliasNotFound, aliasTaken, invalidRequest } from "./errors.ts";
import { MAX_CUSTOM_ALIASES } from "./limits.ts";
import { branchAlias, randomLetters } from "./names.ts";
import type { Project } from "./projects.ts";

type Db = Platform["db"];

/** The names of a project's branches in its host names, and those that people gave. */
export function listAliases(db: Db, { row }: Project): Promise<PagesAliasRow[]> {
  return db.selectFrom("pages_aliases").selectAll().where("project_id", "=", row.id).orderBy("alias").execute();
}

/** Points all aliases of a branch at a version, the branch's own too, which is made when it has none. Run in a transaction. */
export async function pointBranch(db: Db, project: Project, branch: string, versionId: string): Promise<void> {
  const at = new Date().toISOString();
  let aliases = (await listAliases(db, project)).filter((one) => one.branch === branch);
  if (!aliases.some(({ custom }) => custom === 0)) {
    const alias = await freeAlias(db, project, branch);
    const row: PagesAliasRow = { project_id: project.row.id, alias, branch, custom: 0, created_on: at };
    await db.insertInto("pages_aliases").values(row).execute();
    aliases = [...aliases, row];
  }
  for (const { alias } of aliases) await setAlias(db, { scriptId: project.row.script_id, alias, versionId, at });
}

/** Gives a branch one more alias, which shows its newest deployment from now on. Errors: 8000108, 8000103. Run in a transaction. */
export async function addAlias(db: Db, project: Project, alias: string, branch: string): Promise<void> {
  const all = await listAliases(db, project);
  const known = all.find((one) => one.alias === alias);
  if (known && (known.branch !== branch || known.custom === 0)) throw aliasTaken(alias, known.branch);
  if (await namesVersion(db, project, alias))
    throw invalidRequest(
      `"${alias}" is the short id of a deployment, and its host name shows that one. Choose another alias.`,
    );
  const at = new Date().toISOString();
  if (!known) {
    if (all.filter(({ custom }) => custom === 1).length >= MAX_CUSTOM_ALIASES)
      throw invalidRequest(`The project has ${MAX_CUSTOM_ALIASES} aliases, and cannot have more. Remove one first.`);
    await db
      .insertInto("pages_aliases")
      .values({ project_id: project.row.id, alias, branch, custom: 1, created_on: at })
      .execute();
  }
  const newest = await newestVersionOfBranch(db, project, branch);
  if (newest) await setAlias(db, { scriptId: project.row.script_id, alias, versionId: newest, at });
}

/** Error 8000109 when there is none that a person gave. Run in a transaction. */
export async function removeAlias(db: Db, { row }: Project, alias: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom("pages_aliases")
    .where("project_id", "=", row.id)
    .where("alias", "=", alias)
    .where("custom", "=", 1)
    .executeTakeFirst();
  if (numDeletedRows === 0n) throw aliasNotFound(alias);
  await db.deleteFrom("aliases").where("script_id", "=", row.script_id).where("alias", "=", alias).execute();
}

/** The version of the branch's newest deployment that came to one. */
async function newestVersionOfBranch(db: Db, { row }: Project, branch: string): Promise<string | undefined> {
  const newest = await db
    .selectFrom("pages_deployments")
    .innerJoin("versions", "versions.id", "pages_deployments.id")
    .select("versions.id")
    .where("project_id", "=", row.id)
    .where("branch", "=", branch)
    .orderBy("versions.number", "desc")
    .limit(1)
    .executeTakeFirst();
  return newest?.id;
}

async function freeAlias(db: Db, project: Project, branch: string): Promise<string> {
  const plain = branchAlias(branch);
  for (let alias = plain; ; alias = `${plain}-${randomLetters(4)}`) {
    const taken = await db
      .selectFrom("pages_aliases")
      .select("alias")
      .where("project_id", "=", project.row.id)
      .where("alias", "=", alias)
      .executeTakeFirst();
    if (!taken && !(await namesVersion(db, project, alias))) return alias;
  }
}

/** Whether the label is the short id of one of the project's versions. */
async function namesVersion(db: Db, { row }: Project, label: string): Promise<boolean> {
  if (!/^[0-9a-f]{8}$/.test(label)) return false;
  const found = await db
    .selectFrom("versions")
    .select("id")
    .where("script_id", "=", row.script_id)
    .where("id", "like", `${label}-%`)
    .executeTakeFirst();
  return found !== undefined;
}
