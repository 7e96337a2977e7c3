import { randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import { hostName, isWithin } from "../domain/host-name.ts";
import { PAGES_LABEL } from "../domain/routing.ts";
import { storageLabels } from "../domain/storage-host.ts";
import type { Page } from "../lib/paging.ts";
import type { Platform } from "../store/platform.ts";
import type { Database, ZoneRow } from "../store/schema.ts";
import {
  invalidZoneName,
  noZoneForHost,
  outsideZone,
  platformName,
  tooManyZones,
  zoneExists,
  zoneHasOthers,
  zoneNotFound,
  zoneOfOthers,
} from "./domain-errors.ts";
import { MAX_ZONES } from "./limits.ts";

type Db = Kysely<Database>;

/** Makes a zone. Errors: 1049 no name for one; 1061 taken, below another account's, or above what another account has; 10089 too many; 10084 the platform's own. */
export function createZone(platform: Platform, accountId: string, text: string): Promise<ZoneRow> {
  const name = hostName(text.trim());
  if (name === undefined || !name.includes(".")) throw invalidZoneName(text);
  return platform.db.transaction().execute(async (db) => {
    await refusePlatformName(db, platform, name);
    const above = await closestZone(db, name);
    if (above?.name === name) throw zoneExists(name);
    if (above && above.account_id !== accountId) throw zoneOfOthers(name, above.name);
    const taken = await domainOfOthers(db, accountId, name);
    if (taken !== undefined) throw zoneHasOthers(name, taken);
    if ((await countZones(db, accountId)) >= MAX_ZONES) throw tooManyZones();
    const row = { id: newId(), account_id: accountId, name, created_on: new Date().toISOString() };
    await db.insertInto("zones").values(row).execute();
    return row;
  });
}

/** Another account's custom domain below the name: routes of the zone would stand in front of it. */
async function domainOfOthers(db: Db, accountId: string, name: string): Promise<string | undefined> {
  const rows = await db
    .selectFrom("custom_domains")
    .select("hostname")
    .where("account_id", "!=", accountId)
    .where("zone_id", "is", null)
    .execute();
  return rows.find(({ hostname }) => isWithin(hostname, name))?.hostname;
}

/** With its routes and custom domains. */
export async function deleteZone({ db }: Platform, zone: ZoneRow): Promise<void> {
  await db.deleteFrom("zones").where("id", "=", zone.id).execute();
}

/** The account's zone of this id; error 7003 otherwise. */
export async function requireZone(db: Db, accountId: string, id: string): Promise<ZoneRow> {
  const zone = await zonesOf(db, accountId).selectAll().where("id", "=", id).executeTakeFirst();
  if (!zone) throw zoneNotFound(id);
  return zone;
}

/** A page of the account's zones by name, and how many there are. */
export async function listZones(
  db: Db,
  accountId: string,
  page: Page,
  name?: string,
): Promise<{ rows: ZoneRow[]; total: number }> {
  let found = zonesOf(db, accountId);
  if (name !== undefined) found = found.where("name", "=", hostName(name) ?? name);
  const rows = await found.selectAll().orderBy("name").limit(page.size).offset(page.offset).execute();
  const { count } = await found.select(({ fn }) => fn.countAll().as("count")).executeTakeFirstOrThrow();
  return { rows, total: Number(count) };
}

/** Whether the account has names of its own on this platform. */
export async function hasDomains(db: Db, accountId: string): Promise<boolean> {
  const zone = await zonesOf(db, accountId).select("id").limit(1).executeTakeFirst();
  const domain = db.selectFrom("custom_domains").select("id").where("account_id", "=", accountId).limit(1);
  return zone !== undefined || (await domain.executeTakeFirst()) !== undefined;
}

/** What a client says about the zone of a host: its id, its name, or nothing. */
export interface ZoneHint {
  zone_id?: string | undefined;
  zone_name?: string | undefined;
}

/**
 * The account's zone that `host` is in, as the client says or the closest one. `shown` is what a refusal names.
 * Errors: 7003, 10082 no such zone; 10083 the host is outside of it.
 */
export async function zoneForHost(
  db: Db,
  accountId: string,
  host: string,
  hint: ZoneHint,
  shown: string,
): Promise<ZoneRow> {
  const closest = await closestZone(db, host);
  const zone = await hintedZone(db, accountId, hint);
  if (!zone) {
    if (closest?.account_id !== accountId) throw noZoneForHost(host);
    return closest;
  }
  // The edge asks the closest zone only, so a route of one further up would never be met.
  if (zone.id !== closest?.id) throw outsideZone(shown, zone.name);
  return zone;
}

async function hintedZone(db: Db, accountId: string, { zone_id, zone_name }: ZoneHint): Promise<ZoneRow | undefined> {
  if (zone_id) return requireZone(db, accountId, zone_id);
  if (!zone_name) return undefined;
  const zone = await zonesOf(db, accountId)
    .selectAll()
    .where("name", "=", hostName(zone_name) ?? "")
    .executeTakeFirst();
  if (!zone) throw noZoneForHost(zone_name);
  return zone;
}

/** The zone with the longest name that the host name is in, whoever has it. */
export async function closestZone(db: Db, host: string): Promise<ZoneRow | undefined> {
  const labels = host.split(".");
  const names = labels.map((_, index) => labels.slice(index).join("."));
  const zones = await db.selectFrom("zones").selectAll().where("name", "in", names).execute();
  return zones.toSorted((a, b) => b.name.length - a.name.length)[0];
}

/** Error 10084 when the name answers for the platform already: its API, an account's Workers, or Pages. */
export async function refusePlatformName(db: Db, { config }: Pick<Platform, "config">, name: string): Promise<void> {
  const { domain } = config;
  if (name === domain || name === "localhost") throw platformName(name);
  if (!isWithin(name, domain)) return;
  const label =
    name
      .slice(0, -domain.length - 1)
      .split(".")
      .at(-1) ?? "";
  const account = await db.selectFrom("accounts").select("id").where("subdomain", "=", label).executeTakeFirst();
  if (account || RESERVED_SUBDOMAINS.has(label)) throw platformName(name);
}

/** Labels below the base domain that are nobody's. */
export const RESERVED_SUBDOMAINS: ReadonlySet<string> = new Set([PAGES_LABEL, ...storageLabels]);

export function newId(): string {
  return randomBytes(16).toString("hex");
}

async function countZones(db: Db, accountId: string): Promise<number> {
  const { count } = await zonesOf(db, accountId)
    .select(({ fn }) => fn.countAll().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}

function zonesOf(db: Db, accountId: string) {
  return db.selectFrom("zones").where("account_id", "=", accountId);
}
