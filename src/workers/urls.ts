import { securePortSuffix } from "../domain/config.ts";
import { PAGES_LABEL } from "../domain/routing.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";

/** Address of a Worker or of a Pages project, or of one of its previews, with a path of "/". Undefined for other kinds. */
export async function scriptUrl(
  { db, config }: Pick<Platform, "db" | "config">,
  script: ScriptRow,
  preview?: string,
): Promise<string | undefined> {
  const host = await hostOf(db, script, preview);
  if (host === undefined) return undefined;
  const name = `${host}.${config.domain}`;
  return config.httpsPort ? `https://${name}${securePortSuffix(config)}/` : `http://${name}:${config.port}/`;
}

/** Labels of the host name before the base domain. */
async function hostOf(db: Platform["db"], script: ScriptRow, preview: string | undefined): Promise<string | undefined> {
  if (script.kind === "pages") {
    const project = await db
      .selectFrom("pages_projects")
      .select("label")
      .where("script_id", "=", script.id)
      .executeTakeFirst();
    return project && `${preview ? `${preview}.` : ""}${project.label}.${PAGES_LABEL}`;
  }
  if (script.kind !== "worker") return undefined;
  const { subdomain } = await db
    .selectFrom("accounts")
    .select("subdomain")
    .where("id", "=", script.account_id)
    .executeTakeFirstOrThrow();
  return `${preview ? `${preview}-` : ""}${script.name}.${subdomain}`;
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
