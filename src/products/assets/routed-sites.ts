import type { Kysely } from "kysely";
import { keptVersions, type ScriptKind } from "../../domain/script-kind.ts";
import type { Database } from "../../store/schema.ts";

/** Versions of which a script's earlier files stay reachable, at most (workers-semantics.md 2.9). */
export const MAX_RETAINED_VERSIONS = 10;

/** A version with assets that a deployment of its script names. */
export interface DeployedSite {
  scriptId: string;
  versionId: string;
  site: string;
}

type Db = Kysely<Database>;

/** Sites of the active deployments. */
export async function activeSites(db: Db): Promise<DeployedSite[]> {
  const rows = await db
    .selectFrom("version_sites")
    .innerJoin("deployment_versions as share", "share.version_id", "version_sites.version_id")
    .innerJoin("deployments", "deployments.id", "share.deployment_id")
    .select(["version_sites.script_id", "version_sites.version_id", "version_sites.site"])
    .where(({ eb, selectFrom }) =>
      eb(
        "deployments.sequence",
        "=",
        selectFrom("deployments as newest")
          .select(({ fn }) => fn.max("newest.sequence").as("sequence"))
          .whereRef("newest.script_id", "=", "version_sites.script_id"),
      ),
    )
    .execute();
  return rows.map(asSite);
}

/**
 * Sites that a deployment served until `since` (ISO time) or later, newest deployment first, each once: those of the
 * active deployments too. A script that was not deployed since then has none.
 */
export async function sitesServedSince(db: Db, since: string): Promise<DeployedSite[]> {
  const rows = await db
    .with("recent", (cte) =>
      cte
        .selectFrom("deployments")
        .select(["script_id", ({ fn }) => fn.min("sequence").as("first")])
        .where("created_on", ">=", since)
        .groupBy("script_id"),
    )
    .selectFrom("recent")
    .innerJoin("deployments", "deployments.script_id", "recent.script_id")
    .innerJoin("deployment_versions as share", "share.deployment_id", "deployments.id")
    .innerJoin("version_sites", "version_sites.version_id", "share.version_id")
    .select(["version_sites.script_id", "version_sites.version_id", "version_sites.site"])
    // The one before the first recent one was served until that one came.
    .where(({ eb, selectFrom, fn, ref }) =>
      eb(
        "deployments.sequence",
        ">=",
        fn.coalesce(
          selectFrom("deployments as before")
            .select((inner) => inner.fn.max("before.sequence").as("sequence"))
            .whereRef("before.script_id", "=", "recent.script_id")
            .whereRef("before.sequence", "<", "recent.first"),
          ref("recent.first"),
        ),
      ),
    )
    .orderBy("deployments.sequence", "desc")
    .orderBy("share.position")
    .execute();
  const byVersion = new Map(rows.toReversed().map((row) => [row.version_id, row]));
  return [...byVersion.values()].reverse().map(asSite);
}

/** Sites of the newest versions of each script: those that can be deployed or previewed. */
export async function newestSites(db: Db): Promise<DeployedSite[]> {
  const kinds = Object.entries(keptVersions) as [ScriptKind, number][];
  const rows = await db
    .selectFrom("version_sites")
    .innerJoin("versions", "versions.id", "version_sites.version_id")
    .innerJoin("scripts", "scripts.id", "version_sites.script_id")
    .select(["version_sites.script_id", "version_sites.version_id", "version_sites.site"])
    .where(({ eb, or, and }) =>
      or(
        kinds.map(([kind, kept]) =>
          and([
            eb("scripts.kind", "=", kind),
            eb("versions.number", ">=", eb("scripts.next_version_number", "-", kept)),
          ]),
        ),
      ),
    )
    .execute();
  return rows.map(asSite);
}

/** Sites of versions that an alias names, however old they are. */
export async function aliasedSites(db: Db): Promise<DeployedSite[]> {
  const rows = await db
    .selectFrom("version_sites")
    .innerJoin("aliases", "aliases.version_id", "version_sites.version_id")
    .select(["version_sites.script_id", "version_sites.version_id", "version_sites.site"])
    .execute();
  return rows.map(asSite);
}

function asSite(row: { script_id: string; version_id: string; site: string }): DeployedSite {
  return { scriptId: row.script_id, versionId: row.version_id, site: row.site };
}
