import type { Kysely } from "kysely";
import { MAX_CUSTOM_DOMAINS } from "../products/r2/limits.ts";
import type { BucketInfo } from "../products/r2/registry.ts";
import type { Platform } from "../store/platform.ts";
import type { CustomDomainRow, Database } from "../store/schema.ts";
import { bucketDomainNotFound, domainOfBucket, domainTaken, tooManyBucketDomains } from "./domain-errors.ts";
import { examineHost, refuseTooMany, requireDomain } from "./domains.ts";
import { newId } from "./zones.ts";

type Db = Kysely<Database>;

/** A bucket's custom domain with the name of its zone. */
export interface BucketDomain extends CustomDomainRow {
  zone_name: string | null;
}

/** What is asked of a bucket's domain. Absent: enabled, and any TLS that the platform takes. */
export interface BucketDomainWish {
  domain: string;
  zoneId?: string | undefined;
  enabled?: boolean | undefined;
  minTLS?: string | undefined;
}

/** A bucket's custom domains by name. */
export function listBucketDomains(db: Db, { accountId, id }: BucketInfo): Promise<BucketDomain[]> {
  return bucketDomains(db, accountId).where("bucket_id", "=", id).orderBy("hostname").execute();
}

/** By the bucket's name, since the bucket itself may be gone. Error 10007. */
export async function requireBucketDomain(
  db: Db,
  accountId: string,
  bucket: string,
  hostname: string,
): Promise<BucketDomain> {
  const found = await bucketDomains(db, accountId)
    .where("bucket_name", "=", bucket)
    .where("hostname", "=", hostname.toLowerCase())
    .executeTakeFirst();
  if (!found) throw bucketDomainNotFound(bucket, hostname);
  return found;
}

/**
 * Makes a host name the bucket's own. Run in a transaction. Errors as {@link examineHost}, and 100116 a script's or another
 * bucket's, 10029 too many of the bucket, 100114 too many in the zone.
 */
export async function attachBucketDomain(
  db: Db,
  platform: Pick<Platform, "config">,
  bucket: BucketInfo,
  { domain, zoneId, enabled = true, minTLS }: BucketDomainWish,
): Promise<BucketDomain> {
  const { accountId, name } = bucket;
  const { hostname, zone, holder } = await examineHost(db, platform, accountId, { hostname: domain, zone_id: zoneId });
  if (holder?.script_id) throw domainTaken(hostname, (await requireDomain(db, accountId, holder.id)).service);
  // One of the same name that is gone has left it.
  if (holder && holder.bucket_name !== name) throw domainOfBucket(hostname, holder.bucket_name ?? "");
  const values = { bucket_id: bucket.id, zone_id: zone?.id ?? null, enabled: Number(enabled), min_tls: minTLS ?? null };
  if (holder) await db.updateTable("custom_domains").set(values).where("id", "=", holder.id).execute();
  else {
    const row = { id: newId(), account_id: accountId, hostname, bucket_name: name, previews_enabled: 0 };
    const created_on = new Date().toISOString();
    await db
      .insertInto("custom_domains")
      .values({ ...row, ...values, created_on })
      .execute();
    await refuseTooMany(db, accountId, zone);
  }
  if ((await listBucketDomains(db, bucket)).length > MAX_CUSTOM_DOMAINS) throw tooManyBucketDomains();
  return requireBucketDomain(db, accountId, name, hostname);
}

export async function changeBucketDomain(
  db: Db,
  domain: BucketDomain,
  { enabled, minTLS }: Pick<BucketDomainWish, "enabled" | "minTLS">,
): Promise<BucketDomain> {
  const { min_tls } = domain;
  const values = {
    enabled: enabled === undefined ? domain.enabled : Number(enabled),
    min_tls: minTLS ?? min_tls,
  };
  await db.updateTable("custom_domains").set(values).where("id", "=", domain.id).execute();
  return { ...domain, ...values };
}

function bucketDomains(db: Db, accountId: string) {
  return db
    .selectFrom("custom_domains")
    .leftJoin("zones", "zones.id", "custom_domains.zone_id")
    .selectAll("custom_domains")
    .select("zones.name as zone_name")
    .where("custom_domains.account_id", "=", accountId)
    .where("bucket_id", "is not", null);
}
