import type { ProtectedScope, Protection } from "../../domain/access.ts";
import type { Platform } from "../../store/platform.ts";
import type { ScriptSettings } from "../scripts.ts";

export const protectionChoices = ["off", "previews", "all"] as const satisfies (ProtectedScope | "off")[];
export type ProtectionChoice = (typeof protectionChoices)[number];

type Db = Pick<Platform, "db">;

/** Before the account's id, in the table of small facts. */
const KEY_PREFIX = "protection:";

/** What holds for an account's scripts that do not say otherwise. */
export async function accountProtection({ db }: Db, accountId: string): Promise<ProtectionChoice> {
  return (await accountProtections({ db })).get(accountId) ?? "off";
}

/** The same of all accounts that have set it. */
export async function accountProtections({ db }: Db): Promise<Map<string, ProtectionChoice>> {
  const rows = await db.selectFrom("settings").selectAll().where("key", "like", `${KEY_PREFIX}%`).execute();
  return new Map(rows.map(({ key, value }) => [key.slice(KEY_PREFIX.length), value as ProtectionChoice]));
}

export async function setAccountProtection({ db }: Db, accountId: string, value: ProtectionChoice): Promise<void> {
  await db
    .insertInto("settings")
    .values({ key: KEY_PREFIX + accountId, value })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ value }))
    .execute();
}

/** How a script is protected, by its own settings or its account's; undefined when it is not. */
export function protectionOf(settings: ScriptSettings, ofAccount: ProtectionChoice = "off"): Protection | undefined {
  const scope = settings.protection ?? ofAccount;
  return scope === "off" ? undefined : { scope, epoch: settings.access_epoch ?? 0 };
}
