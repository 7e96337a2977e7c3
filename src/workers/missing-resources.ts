import type { Share } from "../domain/routing.ts";
import { describeBinding, parseBinding, type Refusal } from "../products/index.ts";
import type { ScriptRow } from "../store/schema.ts";
import type { Change } from "./change.ts";
import { resourceMissing } from "./errors.ts";
import { planState } from "./state-changes.ts";
import type { StoredVersion } from "./versions.ts";

/** Types of bindings to something of the account that can be deleted. */
const resourceTypes: ReadonlySet<string> = new Set([
  "kv_namespace",
  "d1",
  "r2_bucket",
  "queue",
  "secrets_store_secret",
]);

/**
 * Refuses to deploy versions again that bind what has been deleted since (`workers-semantics.md` 3.5), with the code that an
 * upload of such a binding gets. Versions that take requests already may stay.
 */
export async function checkResources(
  change: Change,
  script: ScriptRow,
  versions: StoredVersion[],
  before: Share[],
): Promise<void> {
  for (const { row, record } of versions) {
    if (before.some(({ versionId }) => versionId === row.id)) continue;
    for (const refusal of (await refusedBindings(change, script, record)).values())
      throw resourceMissing(row.id, refusal);
  }
}

/**
 * A version without its bindings to what has been deleted since: a client that reads them as they are would have the next
 * version inherit them, instead of making anew what it made before (`wrangler-api.md` 2.5).
 */
export async function withoutMissing(
  change: Change,
  script: ScriptRow,
  version: StoredVersion,
): Promise<StoredVersion> {
  const { record } = version;
  // A store that cannot be asked has lost nothing.
  const refused = await refusedBindings(change, script, record).catch(() => new Map());
  if (refused.size === 0) return version;
  return { ...version, record: { ...record, bindings: record.bindings.filter(({ name }) => !refused.has(name)) } };
}

/** By name, the bindings that could not be made today, and why. */
async function refusedBindings(
  change: Change,
  script: ScriptRow,
  { bindings }: StoredVersion["record"],
): Promise<Map<string, Refusal>> {
  const refused = new Map<string, Refusal>();
  const bound = bindings.filter(({ type }) => resourceTypes.has(type)).map(describeBinding);
  if (bound.length === 0) return refused;
  const { bindable } = await planState(change, script, { bindings: bound, deploy: false, usesExports: false });
  for (const binding of bound) {
    // These kinds have neither secrets nor parts.
    const parsed = parseBinding(binding, { ...bindable, seal: change.platform.seal, part: () => undefined });
    if ("refusal" in parsed) refused.set(String(binding.name), parsed.refusal);
  }
  return refused;
}
