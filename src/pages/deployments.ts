import type { Platform } from "../store/platform.ts";
import type { PagesDeploymentRow } from "../store/schema.ts";
import { isVersionId } from "../workers/names.ts";
import type { Environment, EnvironmentName } from "./environment.ts";
import { deploymentNotFound } from "./errors.ts";
import type { Project } from "./projects.ts";
import type { Source } from "./source.ts";

/** What came of one step of a deployment (`pages-and-builds.md` 2.2). */
export interface Stage {
  name: "queued" | "initialize" | "clone_repo" | "build" | "deploy";
  status: "idle" | "active" | "success" | "failure" | "canceled";
  started_on: string | null;
  ended_on: string | null;
}

/** What started a deployment, in the API's form. */
export interface Trigger {
  type: string;
  metadata: { branch: string; commit_hash: string; commit_message: string; commit_dirty: boolean };
}

/** A line of a deployment's log. */
export interface LogLine {
  ts: string;
  line: string;
}

/** What a deployment's row holds as JSON. */
export interface DeploymentDetails {
  trigger: Trigger;
  stages: Stage[];
  log: LogLine[];
  usesFunctions: boolean;
  /** The project's settings that it was made with. */
  environment: Environment;
  buildConfig: Record<string, unknown>;
  source?: Source;
  /** The upload's own words on its code: compatibility and limits, without bindings. A retry uses them again. */
  metadata: Record<string, unknown>;
  /** Which file answers which path, as the client compiled it; for people. */
  routing?: unknown;
}

/** Whether it came to no version: there is nothing to serve or to go back to. */
export function hasFailed({ stages }: DeploymentDetails): boolean {
  return stages.some(({ status }) => status === "failure");
}

/** The steps of a deployment whose files came finished, so that only the last one can fail. */
export function stagesOf(outcome: "success" | "failure", at: string): Stage[] {
  const names = ["queued", "initialize", "clone_repo", "build", "deploy"] as const;
  return names.map((name) => ({
    name,
    status: name === "deploy" ? outcome : "success",
    started_on: at,
    ended_on: at,
  }));
}

export interface Deployment {
  row: PagesDeploymentRow & { environment: EnvironmentName };
  details: DeploymentDetails;
}

type Db = Pick<Platform, "db">;

/** The deployment of this project; error 8000104 when there is none of that id. */
export async function requireDeployment({ db }: Db, { row }: Project, id: string): Promise<Deployment> {
  const found = isVersionId(id)
    ? await db
        .selectFrom("pages_deployments")
        .selectAll()
        .where("project_id", "=", row.id)
        .where("id", "=", id)
        .executeTakeFirst()
    : undefined;
  if (!found) throw deploymentNotFound(id);
  return readDeployment(found);
}

export interface DeploymentQuery {
  environment?: string | undefined;
  offset: number;
  size: number;
}

/** A page of a project's deployments, newest first, and how many there are. */
export async function listDeployments(
  { db }: Db,
  { row }: Project,
  { environment, offset, size }: DeploymentQuery,
): Promise<{ deployments: Deployment[]; count: number }> {
  let all = db.selectFrom("pages_deployments").where("project_id", "=", row.id);
  if (environment) all = all.where("environment", "=", environment);
  const rows = await all
    .selectAll()
    .orderBy("created_on", "desc")
    .orderBy("id", "desc")
    .limit(size)
    .offset(offset)
    .execute();
  const { count } = await all.select(({ fn }) => fn.countAll<number | string>().as("count")).executeTakeFirstOrThrow();
  return { deployments: rows.map(readDeployment), count: Number(count) };
}

export async function insertDeployment(
  db: Platform["db"],
  { row, details }: Omit<Deployment, "row"> & { row: Omit<Deployment["row"], "details_json"> },
): Promise<void> {
  await db
    .insertInto("pages_deployments")
    .values({ ...row, details_json: JSON.stringify(details) })
    .execute();
}

function readDeployment(row: PagesDeploymentRow): Deployment {
  return {
    row: row as Deployment["row"],
    details: JSON.parse(row.details_json) as DeploymentDetails,
  };
}
