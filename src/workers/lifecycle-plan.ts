import { declaredClasses } from "../products/durable-objects/declared-exports.ts";
import {
  deletedClassUsed,
  lifecycleInVersion,
  migrationsAfterExports,
  migrationsAndExports,
} from "../products/durable-objects/errors.ts";
import { planExports } from "../products/durable-objects/exports.ts";
import { type LifecyclePlan, type RegisteredClass, unchanged } from "../products/durable-objects/lifecycle.ts";
import { planMigrations } from "../products/durable-objects/migrations.ts";
import type { Reconciliation } from "../products/durable-objects/reconciliation.ts";
import { expectedTransfers, newNamespaceId } from "../products/durable-objects/registry.ts";
import type { ScriptRow } from "../store/schema.ts";
import type { Change } from "./change.ts";
import { classUses } from "./class-uses.ts";
import type { StateRequest } from "./state-changes.ts";

/** What an upload does to its script's classes, and what remains to be checked with the code. */
export interface Lifecycle {
  plan: LifecyclePlan;
  /** Whether declared exports have a class of this name. */
  declares(className: string): boolean;
  check(isExported: (className: string) => boolean): Reconciliation | undefined;
  newTag?: string | null;
}

/** Plans `exports` or `migrations`, whichever the upload has. */
export async function planLifecycle(
  change: Change,
  script: ScriptRow | undefined,
  request: StateRequest,
  classes: RegisteredClass[],
  scripts: Map<string, string>,
): Promise<Lifecycle> {
  const { platform, accountId, scriptName } = change;
  const declared = declaredClasses(request.exports ?? {});
  const own = classes.filter(({ scriptId }) => scriptId === script?.id);
  const withoutScript = own.map(({ className, namespaceId, storage }) => ({ className, namespaceId, storage }));
  if (declared.size > 0) {
    if (request.migrations) throw migrationsAndExports();
    const plan = planExports(declared, {
      scriptName,
      scriptId: script?.id,
      classes,
      scripts,
      transfers: await expectedTransfers(platform.db, accountId),
      uses: await classUses(platform, accountId, scriptName),
      newNamespaceId,
    });
    return { plan, declares: (name) => declared.has(name), check: (isExported) => plan.reconcile(isExported) };
  }
  const unchangedPlan = { plan: unchanged(withoutScript), declares: () => false, check: () => undefined };
  if (!request.migrations) return unchangedPlan;
  if (request.usesExports) throw migrationsAfterExports();
  // Clients send migrations only when there are some to apply.
  if (!request.deploy) throw lifecycleInVersion();
  const plan = planMigrations(request.migrations, {
    scriptName,
    tag: script?.migration_tag ?? null,
    classes: withoutScript,
    find: (of, className) =>
      scripts.has(of)
        ? classes.find((one) => one.scriptName === of && one.className === className)
        : ("no script" as const),
    newNamespaceId,
  });
  await refuseUsed(change, plan);
  return {
    plan,
    declares: () => false,
    newTag: plan.newTag,
    check(isExported) {
      plan.checkExported(isExported);
      return undefined;
    },
  };
}

/** Data that others still use is not deleted. */
async function refuseUsed({ platform, accountId, scriptName }: Change, plan: LifecyclePlan): Promise<void> {
  const discarded = plan.operations.filter((operation) => operation.kind === "discard");
  if (discarded.length === 0) return;
  const uses = await classUses(platform, accountId, scriptName);
  for (const { namespaceId, className } of discarded) {
    const by = uses.filter((use) => use.namespaceId === namespaceId).map(({ script }) => script);
    if (by.length > 0) throw deletedClassUsed(className, [...new Set(by)].sort());
  }
}
