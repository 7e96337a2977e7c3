import type { Kysely } from "kysely";
import { hostName, isWithin } from "../domain/host-name.ts";
import type { Platform } from "../store/platform.ts";
import type { CustomDomainRow, Database, ScriptRow, ZoneRow } from "../store/schema.ts";
import {
  domainNotFound,
  domainOfBucket,
  domainOfOthers,
  domainTaken,
  invalidHostname,
  noZoneForHost,
  tooManyDomains,
} from "./domain-errors.ts";
import { MAX_DOMAINS_PER_ZONE, MAX_DOMAINS_WITHOUT_ZONE } from "./limits.ts";
import { closestZone, newId, refusePlatformName, type ZoneHint, zoneForHost } from "./zones.ts";

type Db = Kysely<Database>;

/** A script's custom domain with the names that belong to its ids. */
export interface CustomDomain extends CustomDomainRow {
  /** Its script's. */
  service: string;
  zone_name: string | null;
}

/** A custom domain that is asked for. Absent flags: `enabled`, without previews. */
export interface DomainWish extends ZoneHint {
  hostname: string;
  enabled?: boolean | undefined;
  previews_enabled?: boolean | undefined;
  /** What the host shows instead of the deployment; absent: the deployment. */
  alias?: string | undefined;
}

export interface AttachOptions {
  /** Takes the host name from another script of the account; otherwise error 100116. */
  override: boolean;
  /** A name that is in no zone of the platform will do, as for Pages. */
  zoneless?: boolean;
}

/** The account's custom domains by name, of one script when it is given. */
export function listDomains(db: Db, accountId: string, script?: ScriptRow): Promise<CustomDomain[]> {
  const all = shownDomains(db).where("custom_domains.account_id", "=", accountId);
  return (script ? all.where("custom_domains.script_id", "=", script.id) : all).execute();
}

/** Error 100115 when the account has none of this id. */
export async function requireDomain(db: Db, accountId: string, id: string): Promise<CustomDomain> {
  const domain = await shownDomains(db)
    .where("custom_domains.account_id", "=", accountId)
    .where("custom_domains.id", "=", id)
    .executeTakeFirst();
  if (!domain) throw domainNotFound(id);
  return domain;
}

/**
 * Makes a host name the script's own. Run in a transaction. Errors: 100113 no host name, 10082 and 10083 no zone for it, 10084
 * the platform's own, 100116 another script's or a bucket's, 100114 too many.
 */
export async function attachDomain(
  db: Db,
  platform: Pick<Platform, "config">,
  script: ScriptRow,
  wish: DomainWish,
  options: AttachOptions,
): Promise<CustomDomain> {
  const { zone, existing, hostname } = await examine(db, platform, script, wish, options);
  if (existing && existing.script_id !== script.id && !options.override) throw domainTaken(hostname, existing.service);
  const values = {
    script_id: script.id,
    zone_id: zone?.id ?? null,
    enabled: Number(wish.enabled ?? true),
    previews_enabled: Number(wish.previews_enabled ?? false),
    alias: wish.alias ?? null,
  };
  const id = existing?.id ?? newId();
  if (existing) await db.updateTable("custom_domains").set(values).where("id", "=", id).execute();
  else {
    const created_on = new Date().toISOString();
    await db
      .insertInto("custom_domains")
      .values({ id, account_id: script.account_id, hostname, created_on, ...values })
      .execute();
    await refuseTooMany(db, script.account_id, zone);
  }
  return requireDomain(db, script.account_id, id);
}

export async function detachDomain(db: Db, { id }: Pick<CustomDomainRow, "id">): Promise<void> {
  await db.deleteFrom("custom_domains").where("id", "=", id).execute();
}

/** Makes the script's custom domains those that are given; nothing changes when one is refused. */
export function replaceDomains(
  platform: Platform,
  script: ScriptRow,
  wishes: DomainWish[],
  options: AttachOptions,
): Promise<CustomDomain[]> {
  return platform.db.transaction().execute(async (db) => {
    const attached: CustomDomain[] = [];
    for (const wish of wishes) attached.push(await attachDomain(db, platform, script, wish, options));
    for (const domain of await listDomains(db, script.account_id, script)) {
      if (!attached.some(({ id }) => id === domain.id)) await detachDomain(db, domain);
    }
    return attached;
  });
}

/** What {@link replaceDomains} would change. */
export interface DomainChanges {
  added: DomainWish[];
  removed: CustomDomain[];
  updated: (CustomDomain & { modified: boolean })[];
}

/** `replace`: domains that are not given would go. Errors as {@link attachDomain}, but for 100116 within the account. */
export async function changesOfDomains(
  platform: Platform,
  script: ScriptRow,
  wishes: DomainWish[],
  replace: boolean,
): Promise<DomainChanges> {
  const changes: DomainChanges = { added: [], removed: [], updated: [] };
  for (const wish of wishes) {
    const { existing } = await examine(platform.db, platform, script, wish);
    if (!existing) {
      changes.added.push(wish);
      continue;
    }
    const { enabled = true, previews_enabled = false } = wish;
    const modified =
      existing.script_id !== script.id ||
      existing.enabled !== Number(enabled) ||
      existing.previews_enabled !== Number(previews_enabled);
    const after = { enabled: Number(enabled), previews_enabled: Number(previews_enabled) };
    changes.updated.push({ ...existing, ...after, modified });
  }
  if (replace) {
    const kept = new Set(changes.updated.map(({ id }) => id));
    changes.removed = (await listDomains(platform.db, script.account_id, script)).filter(({ id }) => !kept.has(id));
  }
  return changes;
}

async function examine(
  db: Db,
  platform: Pick<Platform, "config">,
  { account_id }: ScriptRow,
  wish: DomainWish,
  options?: Pick<AttachOptions, "zoneless">,
): Promise<{ hostname: string; zone: ZoneRow | undefined; existing: CustomDomain | undefined }> {
  const { hostname, zone, holder } = await examineHost(db, platform, account_id, wish, options);
  if (typeof holder?.bucket_name === "string") throw domainOfBucket(hostname, holder.bucket_name);
  return { hostname, zone, existing: holder && (await requireDomain(db, account_id, holder.id)) };
}

/**
 * What a host name is that an account wants for a script or a bucket of its own: its zone, and what of the account has it now.
 * Errors: 100113 no host name, 10082 and 10083 no zone for it, 10084 the platform's own, 100116 another account's.
 */
export async function examineHost(
  db: Db,
  platform: Pick<Platform, "config">,
  accountId: string,
  wish: ZoneHint & { hostname: string },
  { zoneless = false }: Pick<AttachOptions, "zoneless"> = {},
): Promise<{ hostname: string; zone: ZoneRow | undefined; holder: CustomDomainRow | undefined }> {
  const hostname = hostName(wish.hostname);
  if (hostname === undefined || !hostname.includes(".")) throw invalidHostname(wish.hostname);
  await refusePlatformName(db, platform, hostname);
  const zone = zoneless
    ? await ownOrNoZone(db, platform, accountId, hostname)
    : await zoneForHost(db, accountId, hostname, wish, hostname);
  const holder = await db.selectFrom("custom_domains").selectAll().where("hostname", "=", hostname).executeTakeFirst();
  if (holder && holder.account_id !== accountId) throw domainOfOthers(hostname);
  return { hostname, zone, holder };
}

/** Names below the base domain lead here without anybody's doing, so they are the operator's to give: by a zone. */
async function ownOrNoZone(
  db: Db,
  { config }: Pick<Platform, "config">,
  accountId: string,
  hostname: string,
): Promise<ZoneRow | undefined> {
  const zone = await closestZone(db, hostname);
  if (zone ? zone.account_id !== accountId : isWithin(hostname, config.domain)) throw noZoneForHost(hostname);
  return zone;
}

/** Error 100114 when there are more than may be. */
export async function refuseTooMany(db: Db, accountId: string, zone: ZoneRow | undefined): Promise<void> {
  const all = db.selectFrom("custom_domains").select(({ fn }) => fn.countAll().as("count"));
  const { count } = await (zone
    ? all.where("zone_id", "=", zone.id)
    : all.where("account_id", "=", accountId).where("zone_id", "is", null)
  ).executeTakeFirstOrThrow();
  if (Number(count) > (zone ? MAX_DOMAINS_PER_ZONE : MAX_DOMAINS_WITHOUT_ZONE)) throw tooManyDomains(zone?.name);
}

function shownDomains(db: Db) {
  return db
    .selectFrom("custom_domains")
    .innerJoin("scripts", "scripts.id", "custom_domains.script_id")
    .leftJoin("zones", "zones.id", "custom_domains.zone_id")
    .selectAll("custom_domains")
    .select(["scripts.name as service", "zones.name as zone_name"])
    .orderBy("custom_domains.hostname");
}
