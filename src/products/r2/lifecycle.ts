import type { Bucket } from "./bucket.ts";
import { LIFECYCLE_BATCH } from "./limits.ts";
import { successor } from "./listing.ts";
import type { StorageClass } from "./model.ts";
import { textOf } from "./object-rows.ts";
import type { ListedRow } from "./rows.ts";
import type { LifecycleCondition, LifecycleRule } from "./settings.ts";

/** What one run has done. */
export interface LifecycleResult {
  deleted: number;
  moved: number;
  aborted: number;
}

/** Does what a bucket's rules ask for at this time. Other work goes on between its steps. */
export async function runLifecycle(bucket: Bucket, nowMs: number): Promise<LifecycleResult> {
  const result: LifecycleResult = { deleted: 0, moved: 0, aborted: 0 };
  const rules = (bucket.info.settings.lifecycle ?? []).filter(({ enabled }) => enabled);
  for (const rule of rules) {
    if (rule.abortMultipartUploadsTransition) result.aborted += await abortUploads(bucket, rule, nowMs);
  }
  const ofObjects = rules.filter(
    ({ deleteObjectsTransition, storageClassTransitions = [] }) =>
      deleteObjectsTransition !== undefined || storageClassTransitions.length > 0,
  );
  for (const prefix of outermost(ofObjects.map(prefixOf))) await visitObjects(bucket, prefix, ofObjects, nowMs, result);
  return result;
}

async function visitObjects(
  bucket: Bucket,
  prefix: string,
  rules: LifecycleRule[],
  nowMs: number,
  result: LifecycleResult,
): Promise<void> {
  const start = Buffer.from(prefix);
  const to = successor(start);
  let from: Uint8Array = start;
  for (;;) {
    const rows = await bucket.rows.list(from, to, LIFECYCLE_BATCH);
    const expired: { key: string; version: string }[] = [];
    for (const row of rows) {
      const key = textOf(row.key);
      const fate = fateOf(key, row, rules, nowMs);
      if (fate === "delete") expired.push({ key, version: row.version });
      else if (fate !== undefined && (await bucket.setStorageClass(key, row.version, fate))) result.moved++;
    }
    if (expired.length > 0) result.deleted += await bucket.expire(expired);
    const last = rows.at(-1);
    if (last === undefined || rows.length < LIFECYCLE_BATCH) return;
    from = Buffer.concat([last.key, Buffer.from([0])]);
    await new Promise(setImmediate);
  }
}

/** What is to become of an object; deletion comes before a move. */
function fateOf(
  key: string,
  { uploaded, storageClass }: ListedRow,
  rules: LifecycleRule[],
  nowMs: number,
): "delete" | StorageClass | undefined {
  let moveTo: StorageClass | undefined;
  for (const rule of rules) {
    if (!key.startsWith(prefixOf(rule))) continue;
    if (rule.deleteObjectsTransition && isDue(rule.deleteObjectsTransition.condition, uploaded, nowMs)) return "delete";
    for (const transition of rule.storageClassTransitions ?? []) {
      if (transition.storageClass !== storageClass && isDue(transition.condition, uploaded, nowMs)) {
        moveTo = transition.storageClass;
      }
    }
  }
  return moveTo;
}

async function abortUploads(bucket: Bucket, rule: LifecycleRule, nowMs: number): Promise<number> {
  const condition = rule.abortMultipartUploadsTransition?.condition;
  if (condition === undefined || (condition.type === "Date" && nowMs < Date.parse(condition.date))) return 0;
  const before = condition.type === "Age" ? nowMs - condition.maxAge * 1000 + 1 : Number.MAX_SAFE_INTEGER;
  let aborted = 0;
  for (let after = ""; ; ) {
    const uploads = await bucket.rows.oldUploads(before, after, LIFECYCLE_BATCH);
    for (const { id, key } of uploads) {
      if (!textOf(key).startsWith(prefixOf(rule))) continue;
      if (await bucket.working(() => bucket.rows.abort(id))) aborted++;
    }
    if (uploads.length < LIFECYCLE_BATCH) return aborted;
    after = uploads.at(-1)?.id ?? "";
  }
}

function isDue(condition: LifecycleCondition, fromMs: number, nowMs: number): boolean {
  return condition.type === "Age" ? nowMs >= fromMs + condition.maxAge * 1000 : nowMs >= Date.parse(condition.date);
}

function prefixOf({ conditions }: LifecycleRule): string {
  return conditions.prefix ?? "";
}

/** Prefixes without those that begin with another of them: each object is visited once. */
function outermost(prefixes: string[]): string[] {
  const sorted = [...new Set(prefixes)].sort();
  return sorted.filter((prefix, at) => !sorted.slice(0, at).some((outer) => prefix.startsWith(outer)));
}
