import { isDeepStrictEqual } from "node:util";
import { lifecycleInVersion } from "../products/durable-objects/errors.ts";
import type { ScriptRow } from "../store/schema.ts";
import { resolveBindings } from "./bindings.ts";
import { BoundedBody } from "./bounded-body.ts";
import { type Change, changeScript, publish } from "./change.ts";
import { invalidUpload } from "./errors.ts";
import { parseJsonPart, type ScriptSettingsPatch, type SettingsPatch, settingsSchema } from "./metadata.ts";
import { type Revised, reviseVersion } from "./revise-version.ts";
import { patchedSettings, publishedSettings, requireScript, scriptSettings } from "./scripts.ts";
import { planState } from "./state-changes.ts";
import { checkTailConsumers } from "./tail-consumers.ts";
import { refuseUnavailable } from "./unsupported.ts";
import { auditVersion } from "./uploads.ts";
import { draftOfVersion } from "./version-draft.ts";
import { requireNewestVersion, requireVersion, type StoredVersion } from "./versions.ts";

/** Fields whose change makes a version. */
const versionedFields = [
  "bindings",
  "compatibility_date",
  "compatibility_flags",
  "limits",
  "placement",
  "assets",
] as const;

/** `PATCH settings`: JSON, or a form with a part `settings` (`wrangler-api.md` 11). */
export async function readSettingsPatch(request: Request): Promise<SettingsPatch> {
  using body = new BoundedBody(request);
  if (!request.headers.get("content-type")?.startsWith("multipart/")) {
    return parseJsonPart("settings", await body.text(), settingsSchema);
  }
  const part = (await body.formData()).get("settings");
  if (part === null) throw invalidUpload('The form has no part named "settings".');
  return parseJsonPart("settings", typeof part === "string" ? part : await part.text(), settingsSchema);
}

/** Changes settings; makes and deploys a version when versioned ones are among them. Errors: 10214, 10021, 10052 to 10057, 100152, 100153. */
export async function changeSettings(
  change: Change,
  patch: SettingsPatch,
): Promise<{ script: ScriptRow; version: StoredVersion }> {
  refuseUnavailable(patch);
  if (patch.migrations || patch.exports) throw lifecycleInVersion();
  if (versionedFields.every((field) => patch[field] === undefined)) {
    const script = await changeScriptSettings(change, patch);
    return { script, version: await requireNewestVersion(change.platform, script) };
  }
  await checkTailConsumers(change, patch.tail_consumers);
  const revised: Revised = await reviseVersion(change, {
    triggeredBy: "settings",
    deploy: true,
    refusalCode: 10214,
    settings: patch,
    draft: async (newest) => {
      const { bindings, ...rest } = patch;
      const replaced = bindings && (await replacedBindings(change, newest, bindings));
      return draftOfVersion(change.platform, change.scriptName, newest, { ...rest, ...replaced });
    },
  });
  if (revised.created) await auditVersion(change, "settings.update", revised.created);
  return revised;
}

/** Changes settings that are not versioned. Errors: 100152, 100153. */
export async function changeScriptSettings(change: Change, patch: ScriptSettingsPatch): Promise<ScriptRow> {
  const { platform, accountId, scriptName } = change;
  const script = await changeScript(change, async () => {
    return patchScript(change, await requireScript(platform, accountId, scriptName), patch);
  });
  await platform.audit({
    accountId,
    actor: change.actor,
    action: "script.settings",
    target: scriptName,
    detail: { ...scriptSettings(script) },
  });
  return script;
}

/** The script with changed settings, which take effect. Call inside {@link changeScript}. Errors: 100152, 100153. */
export async function patchScript(change: Change, script: ScriptRow, patch: ScriptSettingsPatch): Promise<ScriptRow> {
  await checkTailConsumers(change, patch.tail_consumers);
  const settings_json = JSON.stringify(patchedSettings(scriptSettings(script), patch));
  const modified_on = new Date().toISOString();
  const { db } = change.platform;
  await db.updateTable("scripts").set({ settings_json, modified_on }).where("id", "=", script.id).execute();
  const changed = { ...script, settings_json, modified_on };
  const [before, after] = [scriptSettings(script), scriptSettings(changed)];
  if (publishedSettings.some((name) => !isDeepStrictEqual(before[name], after[name]))) await publish(change);
  return changed;
}

/** The whole list is replaced. An entry that gives only the name and type of a binding there is keeps it. */
async function replacedBindings(change: Change, newest: StoredVersion, raws: unknown[]) {
  const { platform, accountId, scriptName } = change;
  const previous = newest.record.bindings;
  const meant = raws.map((raw) => {
    const { name, type, ...rest } = (raw ?? {}) as Record<string, unknown>;
    const bare = Object.keys(rest).length === 0;
    const kept = bare && previous.some((binding) => binding.name === name && binding.type === type);
    return kept ? { name, type: "inherit" } : raw;
  });
  const script = await requireScript(platform, accountId, scriptName);
  const { state, bindable } = await planState(change, script, { bindings: meant, deploy: true, usesExports: false });
  const resolvedBindings = await resolveBindings(meant, {
    platform,
    accountId,
    scriptName,
    parts: [],
    state: bindable,
    previous,
    bindingsOf: async (id) => (await requireVersion(platform, script, id)).record.bindings,
    keepTypes: [],
    strictInherit: true,
  });
  return { resolvedBindings, state };
}
