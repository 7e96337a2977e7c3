import type { Platform } from "../store/platform.ts";
import { MAX_ALIASES } from "./limits.ts";

/** Points an alias at a version, from wherever it pointed; forgets the oldest beyond {@link MAX_ALIASES}. */
export async function setAlias(
  db: Platform["db"],
  { scriptId, alias, versionId, at }: { scriptId: string; alias: string; versionId: string; at: string },
): Promise<void> {
  await db
    .insertInto("aliases")
    .values({ script_id: scriptId, alias, version_id: versionId, created_on: at })
    .onConflict((conflict) =>
      conflict.columns(["script_id", "alias"]).doUpdateSet({ version_id: versionId, created_on: at }),
    )
    .execute();
  const forgotten = await db
    .selectFrom("aliases")
    .select("alias")
    .where("script_id", "=", scriptId)
    .orderBy("created_on", "desc")
    .limit(MAX_ALIASES)
    .offset(MAX_ALIASES)
    .execute();
  if (forgotten.length === 0) return;
  await db
    .deleteFrom("aliases")
    .where("script_id", "=", scriptId)
    .where(
      "alias",
      "in",
      forgotten.map((row) => row.alias),
    )
    .execute();
}
