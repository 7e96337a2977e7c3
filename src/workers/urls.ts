import { securePortSuffix } from "../domain/config.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";

/** Address of a script, or of one of its previews, with a path of "/". */
export async function scriptUrl(
  { db, config }: Pick<Platform, "db" | "config">,
  script: ScriptRow,
  preview?: string,
): Promise<string> {
  const { subdomain } = await db
    .selectFrom("accounts")
    .select("subdomain")
    .where("id", "=", script.account_id)
    .executeTakeFirstOrThrow();
  const host = `${preview ? `${preview}-` : ""}${script.name}.${subdomain}.${config.domain}`;
  return config.httpsPort ? `https://${host}${securePortSuffix(config)}/` : `http://${host}:${config.port}/`;
}

/**
 * What follows a version's first eight digits, or an alias, in its preview URL:
 * `-<script>.<account>.<base>` with the port unless it is that of https.
 */
export async function previewUrlSuffix({ db, config }: Platform, script: ScriptRow): Promise<string> {
  const { subdomain } = await db
    .selectFrom("accounts")
    .select("subdomain")
    .where("id", "=", script.account_id)
    .executeTakeFirstOrThrow();
  return `-${script.name}.${subdomain}.${config.domain}${securePortSuffix(config)}`;
}
