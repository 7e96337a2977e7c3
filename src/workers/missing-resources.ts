import type { Share } from "../domain/routing.ts";
import { describeBinding, parseBinding } from "../products/index.ts";
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
    const bound = record.bindings.filter(({ type }) => resourceTypes.has(type)).map(describeBinding);
    if (bound.length === 0) continue;
    const { bindable } = await planState(change, script, { bindings: bound, deploy: false, usesExports: false });
    for (const binding of bound) {
      // These kinds have neither secrets nor parts.
      const parsed = parseBinding(binding, { ...bindable, seal: change.platform.seal, part: () => undefined });
      if ("refusal" in parsed) throw resourceMissing(row.id, parsed.refusal);
    }
  }
}
