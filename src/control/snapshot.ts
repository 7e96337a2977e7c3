import { type Kysely, sql } from "kysely";
import type { Home } from "../domain/homes.ts";
import { type Skip, skipNone } from "../domain/publication.ts";
import type { QueuesSnapshot } from "../domain/queues.ts";
import type { RoutedScript, RoutingSnapshot } from "../domain/routing.ts";
import { keptVersions } from "../domain/script-kind.ts";
import type { ObservedScript } from "../domain/trace.ts";
import { accountsWithJobs } from "../observe/logpush/job-store.ts";
import { observedScript } from "../observe/observed.ts";
import { activeSites, aliasedSites, MAX_RETAINED_VERSIONS, sitesServedSince } from "../products/assets/routed-sites.ts";
import { takeQueues } from "../products/queues/snapshot.ts";
import type { Database, ScriptRow } from "../store/schema.ts";
import { accountProtections, protectionOf } from "../workers/protection/store.ts";
import { watchedStatuses } from "../workers/rollouts/store.ts";
import { routedNames } from "../workers/routed-names.ts";
import { type ScriptSettings, scriptSettings } from "../workers/scripts.ts";
import { spentQuotas } from "./daily-requests.ts";
import { HomeTaker } from "./homes.ts";

type KnownVersions = Map<string, { state: string; versions: string[]; sites: Record<string, string> }>;

/** All that is published together: where requests go, who owns which state, which queues there are, and who is observed. */
export interface PublishedState {
  routing: RoutingSnapshot;
  homes: Home[];
  queues: QueuesSnapshot;
  observed: ObservedScript[];
}

/** Reads routing snapshots from the database. */
export class SnapshotTaker {
  readonly #db: Kysely<Database>;
  readonly #retentionMs: number;
  readonly #dailyRequests: number;
  /**
   * Script id to its newest versions and the state that it then had. A script gets a version only together with a new number,
   * and loses one only with a new time, so the lists, by far the largest part, are read again only for scripts that changed.
   */
  #known: KnownVersions = new Map();
  readonly #homes = new HomeTaker();

  /** `retentionMs`: how long files of replaced versions stay reachable. `dailyRequests`: the quota; 0: none. */
  constructor(db: Kysely<Database>, retentionMs: number, dailyRequests = 0) {
    this.#db = db;
    this.#retentionMs = retentionMs;
    this.#dailyRequests = dailyRequests;
  }

  /** A snapshot with its new generation, all of one moment. */
  take(skip: Skip = skipNone): Promise<PublishedState> {
    return this.#db.transaction().execute(async (tx) => {
      const generation = await nextGeneration(tx);
      const accounts = await tx.selectFrom("accounts").select(["id", "subdomain"]).orderBy("id").execute();
      const observed: ObservedScript[] = [];
      const scripts = await this.#scripts(tx, observed, skip);
      const watched = await watchedDeployments(tx);
      for (const share of await activeShares(tx)) {
        const script = scripts.get(share.script_id);
        if (!script) continue;
        script.shares.push({ versionId: share.version_id, percentage: share.percentage });
        if (watched.has(share.deployment_id)) script.measured = true;
      }
      for (const row of await tx.selectFrom("aliases").select(["script_id", "alias", "version_id"]).execute()) {
        const script = scripts.get(row.script_id);
        if (script) script.aliases[row.alias] = row.version_id;
      }
      await this.#addDeployedSites(tx, scripts);
      for (const { script_name, scriptId, slug } of await tx
        .selectFrom("named_previews")
        .innerJoin("scripts", "scripts.name", "named_previews.script_name")
        .select(["scripts.id as script_name", "named_previews.script_id as scriptId", "named_previews.slug"])
        .execute()) {
        const script = scripts.get(script_name);
        if (script) script.previewOf = { scriptId, slug };
      }
      const sessions = await tx
        .selectFrom("remote_sessions")
        .select(["token_hash as tokenHash", "account_id as accountId", "script_name as scriptName"])
        .execute();
      const spent = this.#dailyRequests === 0 ? undefined : await spentQuotas(tx, this.#dailyRequests, Date.now());
      const homes = await this.#homes.take(tx, scripts, skip);
      const routing = {
        ...{ generation, accounts, scripts: [...scripts.values()], ...(await routedNames(tx)) },
        ...(sessions.length > 0 && { sessions }),
        ...(spent && { spent }),
      };
      return { routing, homes, queues: await takeQueues(tx, skip), observed };
    });
  }

  /** Script id to what is known without deployments and aliases, in the order of names. Adds to `observed` those that are. */
  async #scripts(tx: Kysely<Database>, observed: ObservedScript[], skip: Skip): Promise<Map<string, RoutedScript>> {
    const rows = await tx
      .selectFrom("scripts")
      .leftJoin("pages_projects", "pages_projects.script_id", "scripts.id")
      .select([
        "scripts.id",
        "scripts.account_id",
        "scripts.name",
        "kind",
        "modified_on",
        "enabled",
        "previews_enabled",
      ])
      .select(["next_version_number", "scripts.settings_json", "label"])
      .orderBy("scripts.account_id")
      .orderBy("scripts.name")
      .execute();
    const defaults = await accountProtections({ db: tx });
    const pushing = await accountsWithJobs(tx);
    const known: KnownVersions = new Map();
    const scripts = new Map<string, RoutedScript>();
    for (const row of rows) {
      let list = this.#known.get(row.id);
      const state = `${row.next_version_number} ${row.modified_on}`;
      if (list?.state !== state) {
        const versions = await newestVersions(tx, row.id, keptVersions[row.kind]);
        list = { state, versions, sites: await sitesOf(tx, row.id, versions) };
      }
      known.set(row.id, list);
      const settings = readableSettings(row, skip);
      // Without them it is not known who may see it.
      if (settings === undefined) continue;
      const watched = observedScript(row.account_id, row.name, settings, pushing.has(row.account_id));
      if (watched) observed.push(watched);
      // A session of remote development has a secret of its own.
      const protection = row.kind === "session" ? undefined : protectionOf(settings, defaults.get(row.account_id));
      scripts.set(row.id, {
        id: row.id,
        accountId: row.account_id,
        name: row.name,
        enabled: row.enabled === 1,
        previewsEnabled: row.previews_enabled === 1,
        shares: [],
        versions: list.versions,
        aliases: {},
        ...(Object.keys(list.sites).length > 0 && { sites: { ...list.sites } }),
        ...(row.label !== null && { pagesLabel: row.label }),
        ...(settings.version_affinity && { affinity: settings.version_affinity }),
        ...(protection && { protection }),
      });
    }
    this.#known = known;
    return scripts;
  }

  /** Sites of active and aliased versions, which may be older than the newest ones, and of those that were replaced a short while ago. */
  async #addDeployedSites(tx: Kysely<Database>, scripts: Map<string, RoutedScript>): Promise<void> {
    for (const { scriptId, versionId, site } of [...(await activeSites(tx)), ...(await aliasedSites(tx))]) {
      const script = scripts.get(scriptId);
      if (script) script.sites = { ...script.sites, [versionId]: site };
    }
    if (this.#retentionMs === 0) return;
    const since = new Date(Date.now() - this.#retentionMs).toISOString();
    for (const { scriptId, site } of await sitesServedSince(tx, since)) {
      const script = scripts.get(scriptId);
      // A version with other secrets alone has the same site.
      if (!script || script.shares.some(({ versionId }) => script.sites?.[versionId] === site)) continue;
      const retained = script.retainedSites ?? [];
      if (retained.length < MAX_RETAINED_VERSIONS && !retained.includes(site))
        script.retainedSites = [...retained, site];
    }
  }
}

function readableSettings(
  row: Pick<ScriptRow, "account_id" | "name" | "settings_json">,
  skip: Skip,
): ScriptSettings | undefined {
  try {
    return scriptSettings(row);
  } catch (error) {
    skip(`script ${row.name} of ${row.account_id}`, error);
    return undefined;
  }
}

async function nextGeneration(tx: Kysely<Database>): Promise<number> {
  const { value } = await tx
    .insertInto("settings")
    .values({ key: "routing_generation", value: "1" })
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet({ value: sql<string>`cast(cast(settings.value as integer) + 1 as text)` }),
    )
    .returning("value")
    .executeTakeFirstOrThrow();
  return Number(value);
}

/** Newest first. */
async function newestVersions(tx: Kysely<Database>, scriptId: string, limit: number): Promise<string[]> {
  const rows = await tx
    .selectFrom("versions")
    .select("id")
    .where("script_id", "=", scriptId)
    .orderBy("number", "desc")
    .limit(limit)
    .execute();
  return rows.map((row) => row.id);
}

/** Sites of those of the versions that have one, by version. */
async function sitesOf(tx: Kysely<Database>, scriptId: string, versions: string[]): Promise<Record<string, string>> {
  // Not every database takes an empty list.
  if (versions.length === 0) return {};
  const rows = await tx
    .selectFrom("version_sites")
    .select(["version_id", "site"])
    .where("script_id", "=", scriptId)
    .where("version_id", "in", versions)
    .execute();
  return Object.fromEntries(rows.map(({ version_id, site }) => [version_id, site]));
}

/** Shares of each script's newest deployment, in their order. One look into an index for each script. */
function activeShares(tx: Kysely<Database>) {
  return tx
    .selectFrom("scripts")
    .innerJoin("deployments", (join) =>
      join.on("deployments.sequence", "=", (of) =>
        of
          .selectFrom("deployments as newest")
          .select((select) => select.fn.max("newest.sequence").as("sequence"))
          .whereRef("newest.script_id", "=", "scripts.id"),
      ),
    )
    .innerJoin("deployment_versions as share", "share.deployment_id", "deployments.id")
    .select(["deployments.script_id", "share.deployment_id", "share.version_id", "share.percentage"])
    .orderBy("deployments.script_id")
    .orderBy("share.position")
    .execute();
}

/** Deployments whose versions edges count. */
async function watchedDeployments(tx: Kysely<Database>): Promise<Set<string>> {
  const rows = await tx
    .selectFrom("deployment_plans")
    .select("deployment_id")
    .where("status", "in", watchedStatuses)
    .execute();
  return new Set(rows.map(({ deployment_id }) => deployment_id));
}
