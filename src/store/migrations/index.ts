import { isDeepStrictEqual } from "node:util";
import { type Kysely, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { ConfigError } from "../../domain/config.ts";
import type { Database } from "../schema.ts";
import { initialTables } from "./0001-initial-tables.ts";
import { staticAssets } from "./0002-static-assets.ts";
import { state } from "./0003-state.ts";
import { kv } from "./0004-kv.ts";
import { queues } from "./0006-queues.ts";
import { cron } from "./0007-cron.ts";
import { secretsStore } from "./0008-secrets-store.ts";
import { routes } from "./0010-routes.ts";
import { rollouts } from "./0011-rollouts.ts";
import { previews } from "./0012-previews.ts";
import { pages } from "./0013-pages.ts";
import { s3Keys } from "./0014-s3-keys.ts";
import { logpush } from "./0016-logpush.ts";
import { deployHooks } from "./0017-deploy-hooks.ts";
import { quotas } from "./0018-quotas.ts";
import { bucketDomains } from "./0019-bucket-domains.ts";
import { pagesUploads } from "./0020-pages.ts";

/** In order. A migration that was released is never changed; add the next one. */
const migrations: Record<string, Migration> = {
  "0001-initial-tables": initialTables,
  "0002-static-assets": staticAssets,
  "0003-state": state,
  "0004-kv": kv,
  "0006-queues": queues,
  "0007-cron": cron,
  "0008-secrets-store": secretsStore,
  "0010-routes": routes,
  "0011-rollouts": rollouts,
  "0012-previews": previews,
  "0013-pages": pages,
  "0014-s3-keys": s3Keys,
  "0016-logpush": logpush,
  "0017-deploy-hooks": deployHooks,
  "0018-quotas": quotas,
  "0019-bucket-domains": bucketDomains,
  "0020-pages": pagesUploads,
};

/**
 * Brings the database to the schema of this release. Runs what is missing, all in one transaction,
 * and records it; does nothing on a database that is up to date. Throws ConfigError when the database is newer, or of no release.
 */
export async function migrate(db: Kysely<Database>): Promise<void> {
  const recorded = await recordedMigrations(db);
  // Kysely looks at the whole schema and takes a lock first, of which each start would pay tens of milliseconds.
  if (isDeepStrictEqual(recorded, Object.keys(migrations))) return;
  checkHistory(recorded, Object.keys(migrations));
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error instanceof Error ? error : new Error(String(error));
}

/** Names of what has run; none of a new database. */
async function recordedMigrations(db: Kysely<Database>): Promise<string[]> {
  const recorded = sql<{ name: string }>`select name from kysely_migration order by name`;
  return (await recorded.execute(db).catch(() => ({ rows: [] }))).rows.map(({ name }) => name);
}

/** Only the end of the list may be missing. Throws ConfigError. */
function checkHistory(recorded: string[], known: string[]): void {
  const newer = recorded.filter((name) => !known.includes(name));
  if (newer.length > 0)
    throw new ConfigError(
      `The data was written by a newer Freehold, whose changes this one does not know (${newer.join(", ")}). ` +
        "Nothing is changed. Update Freehold, or put back a backup that was made before: freehold backup restore.",
    );
  const left = known.slice(0, recorded.length).filter((name) => !recorded.includes(name));
  if (left.length > 0)
    throw new ConfigError(
      `The data was written by a Freehold between two releases: it has ${recorded.at(-1)}, and not ${left.join(", ")}, which comes before it. ` +
        "Nothing is changed. Put back a backup of a release (freehold backup restore), or begin with another directory (--data).",
    );
}
