import type { Kysely } from "kysely";
import type { RoutedBucketDomain, RoutedDomain, RoutingSnapshot } from "../domain/routing.ts";
import type { CustomDomainRow, Database } from "../store/schema.ts";

/** Zones with their routes, and custom domains, for the routing snapshot. Run in the snapshot's transaction. */
export async function routedNames(
  tx: Kysely<Database>,
): Promise<Required<Pick<RoutingSnapshot, "zones" | "domains">> & Pick<RoutingSnapshot, "bucketDomains">> {
  const zones = await tx.selectFrom("zones").select(["id", "account_id", "name"]).orderBy("name").execute();
  const routes = await tx
    .selectFrom("worker_routes")
    .select(["zone_id", "pattern", "script_id", "fail_open"])
    .orderBy("pattern")
    .execute();
  const byZone = Map.groupBy(routes, ({ zone_id }) => zone_id);
  const domains = await tx.selectFrom("custom_domains").selectAll().orderBy("hostname").execute();
  const bucketDomains = domains.flatMap(routedBucketDomain);
  return {
    zones: zones.map(({ id, account_id, name }) => ({
      accountId: account_id,
      name,
      routes: (byZone.get(id) ?? []).map(({ pattern, script_id, fail_open }) => ({
        pattern,
        scriptId: script_id,
        ...(fail_open === 1 && { failOpen: true }),
      })),
    })),
    domains: domains.flatMap(routedDomain),
    ...(bucketDomains.length > 0 && { bucketDomains }),
  };
}

function routedDomain({ hostname, script_id, enabled, previews_enabled, alias }: CustomDomainRow): RoutedDomain[] {
  if (script_id === null) return [];
  return [
    {
      hostname,
      scriptId: script_id,
      enabled: enabled === 1,
      previewsEnabled: previews_enabled === 1,
      ...(alias !== null && { alias }),
    },
  ];
}

function routedBucketDomain({
  hostname,
  account_id,
  bucket_id,
  enabled,
  min_tls,
}: CustomDomainRow): RoutedBucketDomain[] {
  if (bucket_id === null) return [];
  const domain = { hostname, accountId: account_id, bucketId: bucket_id, enabled: enabled === 1 };
  return [{ ...domain, ...(min_tls !== null && { minTls: min_tls }) }];
}
