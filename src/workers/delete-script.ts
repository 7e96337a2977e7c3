import { type Change, changeScript, publish, retire } from "./change.ts";
import { referenced } from "./errors.ts";
import { boundBy } from "./references.ts";
import { requireScript } from "./scripts.ts";

/** Deletes a script with all its versions. Errors: 10007; 10064 when other scripts bind it, unless `force`. */
export async function deleteScript(change: Change, force: boolean): Promise<void> {
  const { platform, accountId, actor, scriptName } = change;
  await changeScript(change, async () => {
    const script = await requireScript(platform, accountId, scriptName);
    const users = force ? [] : await boundBy(platform, accountId, scriptName);
    if (users.length > 0) throw referenced(scriptName, users);
    const versions = await platform.db.selectFrom("versions").select("id").where("script_id", "=", script.id).execute();
    await platform.db.transaction().execute(async (db) => {
      // Deployments first: they hold on to versions.
      await db.deleteFrom("deployments").where("script_id", "=", script.id).execute();
      await db.deleteFrom("scripts").where("id", "=", script.id).execute();
    });
    await publish(change);
    const versionIds = versions.map(({ id }) => id);
    await platform.runtime.removeLaunchRecords(versionIds);
    retire(change, versionIds);
  });
  await platform.audit({ accountId, actor, action: "script.delete", target: scriptName, detail: { force } });
}
