import { z } from "zod";
import { ACCESS_PURPOSE, accessNames, signAccess } from "../../domain/access.ts";
import type { Platform } from "../../store/platform.ts";
import type { ScriptRow } from "../../store/schema.ts";
import { type Change, changeScript, publish } from "../change.ts";
import { invalidUpload } from "../errors.ts";
import { requireScript, scriptSettings } from "../scripts.ts";
import { scriptUrl } from "../urls.ts";

/** Life of a link in minutes. Ours: an hour unless told otherwise, a month at most. */
const DEFAULT_MINUTES = 60;
const MAX_MINUTES = 43_200;

export const linkSchema = z.strictObject({
  preview: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "must be an alias or the first 8 characters of a version's id")
    .optional(),
  path: z.string().max(8_000).startsWith("/").default("/"),
  minutes: z.number().positive().max(MAX_MINUTES).default(DEFAULT_MINUTES),
});

/** A token that opens all protected addresses of a script, and a link that has it. */
export interface AccessLink {
  token: string;
  /** Null for scripts whose addresses are made elsewhere: add the token to any of them. */
  url: string | null;
  expires_on: string;
}

/** Makes a link to the script, or to one of its previews. Errors: 10007, 10021 for a path that is none. */
export async function makeAccessLink(change: Change, wish: z.infer<typeof linkSchema>): Promise<AccessLink> {
  const { platform, accountId, actor, scriptName } = change;
  const script = await requireScript(platform, accountId, scriptName);
  const url = await addressOf(platform, script, wish);
  const seconds = Math.ceil(wish.minutes * 60);
  const now = Date.now();
  const target = { scriptId: script.id, epoch: scriptSettings(script).access_epoch ?? 0 };
  const token = signAccess(platform.signingKey(ACCESS_PURPOSE), target, now, seconds);
  url?.searchParams.set(accessNames.query, token);
  const link = { token, url: url?.href ?? null, expires_on: new Date(now + seconds * 1000).toISOString() };
  const detail = { preview: wish.preview ?? null, path: wish.path, expires_on: link.expires_on };
  await platform.audit({ accountId, actor, action: "access.link", target: scriptName, detail });
  return link;
}

/** Ends every token that was made for the script. Error 10007. */
export async function endAccessLinks(change: Change): Promise<void> {
  const { platform, accountId, actor, scriptName } = change;
  await changeScript(change, async () => {
    const script = await requireScript(platform, accountId, scriptName);
    const settings = scriptSettings(script);
    const settings_json = JSON.stringify({ ...settings, access_epoch: (settings.access_epoch ?? 0) + 1 });
    await platform.db.updateTable("scripts").set({ settings_json }).where("id", "=", script.id).execute();
    await publish(change);
  });
  await platform.audit({ accountId, actor, action: "access.end-links", target: scriptName });
}

async function addressOf(
  platform: Platform,
  script: ScriptRow,
  { preview, path }: z.infer<typeof linkSchema>,
): Promise<URL | undefined> {
  const base = await scriptUrl(platform, script, preview);
  if (base === undefined) return undefined;
  const url = URL.parse(path, base);
  // `//elsewhere` is a path of another host.
  if (url?.origin !== new URL(base).origin) throw invalidUpload(`"${path.slice(0, 80)}" is no path of this Worker.`);
  return url;
}
