import { z } from "zod";
import type { Sealed } from "../../domain/version.ts";
import type { Platform } from "../../store/platform.ts";
import type { ScriptRow } from "../../store/schema.ts";
import { type Change, changeScript } from "../change.ts";
import { requireWorker, scriptSettings } from "../scripts.ts";

const binding = z.looseObject({ type: z.string() });

/** Bindings by name, as previews send them. */
export const envSchema = z.record(z.string().min(1), binding);

/** Merge patch of a Worker: null takes a binding of its previews away. */
export const workerPatchSchema = z.looseObject({
  previews_base_config: z.looseObject({ env: z.record(z.string().min(1), binding.nullable()).optional() }).optional(),
});

type Env = Record<string, Record<string, unknown>>;

/** Changes what all previews of a Worker have (`previews_base_config`). Secrets are sealed. */
export async function patchBaseConfig(change: Change, patch: z.infer<typeof workerPatchSchema>): Promise<ScriptRow> {
  const { platform, accountId, scriptName } = change;
  return changeScript(change, async () => {
    const script = await requireWorker(platform, accountId, scriptName);
    const given = patch.previews_base_config?.env;
    if (!given) return script;
    const settings = scriptSettings(script);
    const env: Env = { ...settings.previews_base_config?.env };
    for (const [name, wanted] of Object.entries(given)) {
      if (wanted === null) delete env[name];
      else env[name] = sealed(platform, wanted);
    }
    const settings_json = JSON.stringify({ ...settings, previews_base_config: { env } });
    await platform.db.updateTable("scripts").set({ settings_json }).where("id", "=", script.id).execute();
    return { ...script, settings_json };
  });
}

/** As the API shows it: secrets by name and type. */
export function presentBaseConfig(script: ScriptRow): { env?: Env } {
  const { env } = scriptSettings(script).previews_base_config ?? {};
  return env ? { env: Object.fromEntries(Object.entries(env).map(([name, raw]) => [name, withoutSecret(raw)])) } : {};
}

/** As an upload would name them, secrets in clear. */
export function baseEnv(platform: Platform, script: ScriptRow): Env {
  const { env = {} } = scriptSettings(script).previews_base_config ?? {};
  return Object.fromEntries(
    Object.entries(env).map(([name, { text, ...raw }]) => [
      name,
      raw.type === "secret_text"
        ? { ...raw, text: platform.unseal(text as Sealed) }
        : text === undefined
          ? raw
          : { ...raw, text },
    ]),
  );
}

function sealed(platform: Platform, raw: Record<string, unknown>): Record<string, unknown> {
  return raw.type === "secret_text" ? { ...raw, text: platform.seal(String(raw.text ?? "")) } : raw;
}

function withoutSecret({ text, ...raw }: Record<string, unknown>): Record<string, unknown> {
  return raw.type === "secret_text" || text === undefined ? raw : { ...raw, text };
}
