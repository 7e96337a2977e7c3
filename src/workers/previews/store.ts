import { randomBytes } from "node:crypto";
import type { Platform } from "../../store/platform.ts";
import type { NamedPreviewRow, ScriptRow } from "../../store/schema.ts";
import { type Change, changeScript, publish } from "../change.ts";
import { removeScript } from "../delete-script.ts";
import { invalidUpload } from "../errors.ts";
import { MAX_PREVIEW_NAME_LENGTH, MAX_PREVIEWS, PREVIEW_SCRIPT_PREFIX } from "../limits.ts";
import { findScript } from "../scripts.ts";
import { previewExists, previewNotFound } from "./errors.ts";
import { previewSlug } from "./names.ts";

/** By name, id or slug; error 10025 when the Worker has no such preview. */
export async function requirePreview(
  { db }: Pick<Platform, "db">,
  worker: ScriptRow,
  identifier: string,
): Promise<NamedPreviewRow> {
  const rows = await previewsOf(db, worker)
    .where(({ or, eb }) => or([eb("name", "=", identifier), eb("id", "=", identifier), eb("slug", "=", identifier)]))
    .execute();
  const found = rows.find(({ name }) => name === identifier) ?? rows[0];
  if (!found) throw previewNotFound(identifier);
  return found;
}

/** The most recently deployed first. */
export function listPreviews({ db }: Pick<Platform, "db">, worker: ScriptRow): Promise<NamedPreviewRow[]> {
  return previewsOf(db, worker).orderBy("updated_on", "desc").execute();
}

export interface PreviewWish {
  name: string;
  settings: Record<string, unknown>;
  ignoresBase: boolean;
}

/** Makes a preview without deployments; the least recently deployed one makes room. Call inside `changeScript` of the Worker. */
export async function insertPreview(change: Change, worker: ScriptRow, wish: PreviewWish): Promise<NamedPreviewRow> {
  const { platform } = change;
  const { name } = wish;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  if (name === "" || name.length > MAX_PREVIEW_NAME_LENGTH || /[\u0000-\u001f\u007f]/.test(name)) {
    throw invalidUpload(
      `A preview cannot be called ${JSON.stringify(name.slice(0, 80))}. Give it 1 to ${MAX_PREVIEW_NAME_LENGTH} printable characters, such as a branch's name.`,
    );
  }
  const others = await listPreviews(platform, worker);
  if (others.some((other) => other.name === name)) throw previewExists(name);
  for (const surplus of others.slice(MAX_PREVIEWS - 1)) await endPreview(change, surplus);
  const aliases = await platform.db.selectFrom("aliases").select("alias").where("script_id", "=", worker.id).execute();
  const taken = new Set([...others.map(({ slug }) => slug), ...aliases.map(({ alias }) => alias)]);
  const id = randomBytes(16).toString("hex");
  const now = new Date().toISOString();
  const row: NamedPreviewRow = {
    id,
    script_id: worker.id,
    name,
    slug: previewSlug(name, worker.name, (slug) => taken.has(slug)),
    script_name: `${PREVIEW_SCRIPT_PREFIX}${id}`,
    ignores_base: Number(wish.ignoresBase),
    settings_json: JSON.stringify(wish.settings),
    created_on: now,
    updated_on: now,
  };
  await platform.db.insertInto("named_previews").values(row).execute();
  return row;
}

/** Deletes a preview with its deployments, secrets and data. */
export async function endPreview(change: Change, preview: NamedPreviewRow): Promise<void> {
  const own = { ...change, scriptName: preview.script_name };
  await changeScript(own, async () => {
    const script = await findScript(change.platform, change.accountId, preview.script_name);
    await change.platform.db.deleteFrom("named_previews").where("id", "=", preview.id).execute();
    if (script) await removeScript(own, script);
    else await publish(change);
  });
}

function previewsOf(db: Platform["db"], worker: ScriptRow) {
  return db.selectFrom("named_previews").selectAll().where("script_id", "=", worker.id);
}
