import { z } from "zod";
import type { Binding } from "../domain/version.ts";
import type { Platform } from "../store/platform.ts";
import { resolveBindings } from "./bindings.ts";
import type { Change } from "./change.ts";
import { bindingNameTaken, bindingNotFound, unavailable } from "./errors.ts";
import { annotationsSchema } from "./metadata.ts";
import { type Revised, reviseVersion } from "./revise-version.ts";
import { requireScript } from "./scripts.ts";
import { nothingBindable } from "./state-changes.ts";
import { auditVersion } from "./uploads.ts";
import { draftOfVersion } from "./version-draft.ts";
import { newestVersion, type StoredVersion } from "./versions.ts";

const secretValue = z.looseObject({ type: z.string().default("secret_text"), text: z.string() });

export const secretSchema = secretValue.extend({ name: z.string().min(1) });
/** Merge patch: a value sets a secret, null removes it. */
export const secretsBulkSchema = z.looseObject({ secrets: z.record(z.string().min(1), secretValue.nullable()) });
/** Merge patch of the newest version (`wrangler-api.md` 3.1); only its secrets can be patched. */
export const versionPatchSchema = z.strictObject({
  env: z.record(z.string().min(1), secretValue.nullable()).default({}),
  annotations: annotationsSchema.optional(),
});

/** Secrets to set, by name; null removes. */
type SecretPatch = Record<string, { type: string; text: string } | null>;

export interface SecretName {
  name: string;
  type: "secret_text";
}

/** Names of the newest version's secrets. Values are never given back. */
export async function listSecrets(platform: Platform, accountId: string, script: string): Promise<SecretName[]> {
  const newest = await newestVersion(platform, await requireScript(platform, accountId, script));
  return (newest?.record.bindings ?? [])
    .filter((binding) => binding.type === "secret_text")
    .map(({ name, type }) => ({ name, type }));
}

/** Sets and removes secrets in one new version, deployed at once. Errors: 10053 to 10056, 10215. */
export async function changeSecrets(
  change: Change,
  patch: SecretPatch,
  options: { mustExist?: boolean } = {},
): Promise<void> {
  const revised = await reviseVersion(change, {
    triggeredBy: "secret",
    deploy: true,
    draft: async (newest) => {
      const removed = Object.keys(patch).find((name) => patch[name] === null && !hasSecret(newest, name));
      if (removed !== undefined && options.mustExist) throw bindingNotFound(removed);
      const bindings = await patchedBindings(change, newest, patch);
      return bindings && draftOfVersion(change.platform, change.scriptName, newest, { resolvedBindings: bindings });
    },
  });
  if (revised.created) await auditVersion(change, auditAction(patch), revised.created);
}

/** Sets and removes secrets in one new version that is not deployed. Errors: 10222, 10053 to 10055. */
export async function patchNewestVersion(change: Change, patch: z.infer<typeof versionPatchSchema>): Promise<Revised> {
  const revised = await reviseVersion(change, {
    triggeredBy: "secret",
    deploy: false,
    draft: async (newest) =>
      draftOfVersion(change.platform, change.scriptName, newest, {
        resolvedBindings: (await patchedBindings(change, newest, patch.env)) ?? newest.record.bindings,
        annotations: patch.annotations ?? {},
      }),
  });
  if (revised.created) await auditVersion(change, "version.upload", revised.created);
  return revised;
}

/** The newest version's bindings under the patch; undefined when it changes nothing. */
export async function patchedBindings(
  { platform, accountId, scriptName }: Change,
  newest: StoredVersion,
  patch: SecretPatch,
): Promise<Binding[] | undefined> {
  for (const [name, value] of Object.entries(patch)) {
    const bound = newest.record.bindings.find((binding) => binding.name === name);
    if (value && bound && bound.type !== "secret_text") throw bindingNameTaken(name);
    if (value && value.type !== "secret_text") throw unavailable(`Secrets of the type "${value.type}" are`);
  }
  // Own members only: a secret may be named as what every object has, such as `constructor`.
  const stays = ({ type, name }: Binding) => type !== "secret_text" || !Object.hasOwn(patch, name);
  const kept = newest.record.bindings.filter(stays);
  const given = Object.entries(patch).flatMap(([name, value]) => (value ? [{ ...value, name }] : []));
  if (given.length === 0 && kept.length === newest.record.bindings.length) return undefined;
  const inherited = kept.map(({ name }) => ({ name, type: "inherit" }));
  return resolveBindings([...inherited, ...given], {
    platform,
    accountId,
    scriptName,
    parts: [],
    state: nothingBindable,
    previous: kept,
    bindingsOf: async () => kept,
    keepTypes: [],
    strictInherit: true,
  });
}

function hasSecret({ record }: StoredVersion, name: string): boolean {
  return record.bindings.some((binding) => binding.type === "secret_text" && binding.name === name);
}

function auditAction(patch: SecretPatch): string {
  return Object.values(patch).some((value) => value !== null) ? "secret.put" : "secret.delete";
}
