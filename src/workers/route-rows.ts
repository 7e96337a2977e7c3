import type { Kysely } from "kysely";
import { isInZone, parseRoutePattern, type RoutePattern } from "../domain/route-pattern.ts";
import type { Platform } from "../store/platform.ts";
import type { Database, ScriptRow, ZoneRow } from "../store/schema.ts";
import { invalidPattern, outsideZone, routeNotFound, routeTaken, tooManyRoutes } from "./domain-errors.ts";
import { MAX_ROUTES_PER_ZONE } from "./limits.ts";
import { newId, refusePlatformName, type ZoneHint, zoneForHost } from "./zones.ts";

type Db = Kysely<Database>;

/** A route as the API shows it. */
export interface ShownRoute {
  id: string;
  pattern: string;
  /** Name of its script; null: none. */
  script: string | null;
  request_limit_fail_open: boolean;
  zone_id: string;
  zone_name: string;
}

export async function routesOfZone(db: Db, zone: ZoneRow): Promise<ShownRoute[]> {
  return (await routeRows(db).where("worker_routes.zone_id", "=", zone.id).execute()).map(shown);
}

export async function routesOfScript(db: Db, script: ScriptRow): Promise<ShownRoute[]> {
  return (await routeRows(db).where("worker_routes.script_id", "=", script.id).execute()).map(shown);
}

/** Error 10009 when the zone has none of this id. */
export async function requireRoute(db: Db, zone: ZoneRow, id: string): Promise<ShownRoute> {
  const row = await routeRows(db)
    .where("worker_routes.zone_id", "=", zone.id)
    .where("worker_routes.id", "=", id)
    .executeTakeFirst();
  if (!row) throw routeNotFound(id);
  return shown(row);
}

/**
 * Makes the script's routes those that are given. Nothing changes when one is refused: 10022 no pattern, 10082 and 10083 no
 * zone for it, 10020 another script's.
 */
export function replaceRoutes(
  platform: Platform,
  script: ScriptRow,
  wanted: ({ pattern: string } & ZoneHint)[],
): Promise<ShownRoute[]> {
  return platform.db.transaction().execute(async (db) => {
    const kept = new Set<string>();
    const zones = new Map<string, ZoneRow>();
    for (const { pattern: text, ...hint } of wanted) {
      const pattern = patternOf(text);
      const host = pattern.host.replace(/^\./, "");
      const zone = await zoneForHost(db, script.account_id, host, hint, text);
      zones.set(zone.id, zone);
      await refuseUnreachable(db, platform, pattern);
      kept.add(await putRoute(db, zone, pattern.text, script.id));
    }
    for (const { id } of await routesOfScript(db, script)) {
      if (!kept.has(id)) await db.deleteFrom("worker_routes").where("id", "=", id).execute();
    }
    for (const zone of zones.values()) await refuseTooMany(db, zone);
    return routesOfScript(db, script);
  });
}

export interface RouteWish {
  id?: string;
  pattern: string;
  script: ScriptRow | undefined;
  /** Absent: as it is; a new route fails closed. */
  failOpen?: boolean | undefined;
}

/** Adds a route to a zone, or changes the one of this id. Errors as {@link replaceRoutes}. */
export function saveRoute(
  platform: Platform,
  zone: ZoneRow,
  { id, pattern: text, script, failOpen }: RouteWish,
): Promise<ShownRoute> {
  return platform.db.transaction().execute(async (db) => {
    const pattern = patternOf(text);
    if (!isInZone(pattern, zone.name)) throw outsideZone(text, zone.name);
    await refuseUnreachable(db, platform, pattern);
    const other = await routeByPattern(db, zone, pattern.text);
    if (other && other.id !== id) throw routeTaken(text, other.script ?? undefined);
    const values = {
      ...{ zone_id: zone.id, pattern: pattern.text, script_id: script?.id ?? null },
      ...(failOpen !== undefined && { fail_open: failOpen ? 1 : 0 }),
    };
    const saved = id ?? newId();
    if (id === undefined) {
      await db
        .insertInto("worker_routes")
        .values({ id: saved, ...values })
        .execute();
      await refuseTooMany(db, zone);
    } else await db.updateTable("worker_routes").set(values).where("id", "=", id).execute();
    return requireRoute(db, zone, saved);
  });
}

export async function deleteRoute({ db }: Platform, { id }: ShownRoute): Promise<void> {
  await db.deleteFrom("worker_routes").where("id", "=", id).execute();
}

/** Id of the script's route with this pattern, made if need be. */
async function putRoute(db: Db, zone: ZoneRow, pattern: string, scriptId: string): Promise<string> {
  const existing = await routeByPattern(db, zone, pattern);
  if (existing) {
    if (existing.script_id !== scriptId) throw routeTaken(pattern, existing.script ?? undefined);
    return existing.id;
  }
  const id = newId();
  await db.insertInto("worker_routes").values({ id, zone_id: zone.id, pattern, script_id: scriptId }).execute();
  return id;
}

function routeByPattern(db: Db, zone: ZoneRow, pattern: string) {
  return routeRows(db)
    .select("worker_routes.script_id")
    .where("worker_routes.zone_id", "=", zone.id)
    .where("worker_routes.pattern", "=", pattern)
    .executeTakeFirst();
}

function patternOf(text: string): RoutePattern {
  const pattern = parseRoutePattern(text);
  if (typeof pattern === "string") throw invalidPattern(text, pattern);
  return pattern;
}

/** A wildcard may also cover names of the platform, which answer all the same; one such name alone is a mistake. */
async function refuseUnreachable(db: Db, platform: Platform, { host, anyPrefix }: RoutePattern): Promise<void> {
  if (!anyPrefix) await refusePlatformName(db, platform, host);
}

async function refuseTooMany(db: Db, zone: ZoneRow): Promise<void> {
  const { count } = await db
    .selectFrom("worker_routes")
    .select(({ fn }) => fn.countAll().as("count"))
    .where("zone_id", "=", zone.id)
    .executeTakeFirstOrThrow();
  if (Number(count) > MAX_ROUTES_PER_ZONE) throw tooManyRoutes(zone.name);
}

function routeRows(db: Db) {
  return db
    .selectFrom("worker_routes")
    .innerJoin("zones", "zones.id", "worker_routes.zone_id")
    .leftJoin("scripts", "scripts.id", "worker_routes.script_id")
    .select([
      "worker_routes.id",
      "worker_routes.pattern",
      "scripts.name as script",
      "worker_routes.fail_open",
      "zones.id as zone_id",
      "zones.name as zone_name",
    ])
    .orderBy("zones.name")
    .orderBy("worker_routes.pattern");
}

function shown({ fail_open, ...row }: Omit<ShownRoute, "request_limit_fail_open"> & { fail_open: number }): ShownRoute {
  return { ...row, request_limit_fail_open: fail_open === 1 };
}
