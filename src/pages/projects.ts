import { randomUUID } from "node:crypto";
import type { Platform } from "../store/platform.ts";
import type { PagesProjectRow, ScriptRow } from "../store/schema.ts";
import type { ScriptSettingsPatch } from "../workers/metadata.ts";
import { insertScript, patchedSettings } from "../workers/scripts.ts";
import type { Environment, EnvironmentName } from "./environment.ts";
import { projectNotFound } from "./errors.ts";
import { randomLetters, scriptOfProject } from "./names.ts";
import type { Source } from "./source.ts";

/** What a project's row holds as JSON. */
export interface ProjectSettings {
  build_config: Record<string, unknown>;
  /** The repository of a git-connected project. */
  source?: Source;
  environments: Record<EnvironmentName, Environment>;
}

export interface Project {
  row: PagesProjectRow;
  settings: ProjectSettings;
}

type Db = Pick<Platform, "db">;

export async function findProject({ db }: Db, accountId: string, name: string): Promise<Project | undefined> {
  const row = await db
    .selectFrom("pages_projects")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("name", "=", name)
    .executeTakeFirst();
  return row && readProject(row);
}

/** The project; error 8000007 when there is none. */
export async function requireProject(platform: Db, accountId: string, name: string): Promise<Project> {
  const project = await findProject(platform, accountId, name);
  if (!project) throw projectNotFound(name);
  return project;
}

/** A page of an account's projects, newest first, and how many there are. */
export async function listProjects(
  { db }: Db,
  accountId: string,
  { offset, size }: { offset: number; size: number },
): Promise<{ projects: Project[]; count: number }> {
  const all = db.selectFrom("pages_projects").where("account_id", "=", accountId);
  const rows = await all.selectAll().orderBy("created_on", "desc").orderBy("id").limit(size).offset(offset).execute();
  const { count } = await all.select(({ fn }) => fn.countAll<number | string>().as("count")).executeTakeFirstOrThrow();
  return { projects: rows.map(readProject), count: Number(count) };
}

export function readProject(row: PagesProjectRow): Project {
  return { row, settings: JSON.parse(row.settings_json) as ProjectSettings };
}

/** The script that serves the project. */
export function scriptOf({ db }: Db, { row }: Project): Promise<ScriptRow> {
  return db.selectFrom("scripts").selectAll().where("id", "=", row.script_id).executeTakeFirstOrThrow();
}

/** Adds a project with its script. Run in a transaction. */
export async function insertProject(
  db: Platform["db"],
  parts: {
    accountId: string;
    name: string;
    productionBranch: string;
    source: string;
    settings: ProjectSettings;
    tracing: ScriptSettingsPatch;
  },
): Promise<Project> {
  const script = await insertScript(db, {
    account_id: parts.accountId,
    name: scriptOfProject(parts.name),
    kind: "pages",
    last_deployed_from: parts.source,
    enabled: 1,
    previews_enabled: 1,
    settings_json: JSON.stringify(patchedSettings({}, parts.tracing)),
  });
  const row: PagesProjectRow = {
    id: randomUUID(),
    account_id: parts.accountId,
    name: parts.name,
    label: await freeLabel(db, parts.name),
    script_id: script.id,
    production_branch: parts.productionBranch,
    created_on: script.created_on,
    settings_json: JSON.stringify(parts.settings),
  };
  await db.insertInto("pages_projects").values(row).execute();
  return { row, settings: parts.settings };
}

/** The name, or with a suffix when another account's project has it. */
async function freeLabel(db: Platform["db"], name: string): Promise<string> {
  for (let label = name; ; label = `${name}-${randomLetters(3)}`) {
    const taken = await db.selectFrom("pages_projects").select("id").where("label", "=", label).executeTakeFirst();
    if (!taken) return label;
  }
}

/** Stores changed settings; answers the project with them. */
export async function updateProject(
  db: Platform["db"],
  { row }: Project,
  settings: ProjectSettings,
  productionBranch = row.production_branch,
): Promise<Project> {
  const changed = { production_branch: productionBranch, settings_json: JSON.stringify(settings) };
  await db.updateTable("pages_projects").set(changed).where("id", "=", row.id).execute();
  return { row: { ...row, ...changed }, settings };
}
