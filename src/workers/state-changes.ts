import type { Binding, ExportedEntrypoint, ObjectClass, WorkflowClass } from "../domain/version.ts";
import {
  classNoLongerExported,
  classNotConfigured,
  classNotProvisioned,
  deletedClassBound,
  exportNotProvisioned,
  lifecycleInVersion,
  scriptOfBindingMissing,
} from "../products/durable-objects/errors.ts";
import type { LifecyclePlan, RegisteredClass } from "../products/durable-objects/lifecycle.ts";
import type { Reconciliation } from "../products/durable-objects/reconciliation.ts";
import { accountClasses, applyOperations, classesOfScript } from "../products/durable-objects/registry.ts";
import type { AcceptContext } from "../products/index.ts";
import { knownKvNamespaces } from "../products/kv/registry.ts";
import { knownQueues } from "../products/queues/registry.ts";
import { knownBuckets } from "../products/r2/store-client.ts";
import { boundSecretScopes, referenceKey } from "../products/secrets-store/registry.ts";
import { workflowsOfScript } from "../products/workflows/registry.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import type { Change } from "./change.ts";
import { exportsClass, exportsWorkflow } from "./exported-classes.ts";
import { type Lifecycle, planLifecycle } from "./lifecycle-plan.ts";
import type { Metadata } from "./metadata.ts";
import { planWorkflows, type WorkflowChange } from "./workflow-changes.ts";

/** What an upload does to the state its script owns: Durable Object classes and workflows. */
export interface StateChange {
  /** The script's classes and workflows once it is done. */
  objects: ObjectClass[];
  workflows: WorkflowClass[];
  /** Refuses bindings and code that do not fit; says what declared exports came to. Call with what the code exports. */
  settle(exports: ExportedEntrypoint[], bindings: Binding[]): Reconciliation | undefined;
  /** Changes the rows. Run in the transaction that stores the version. */
  apply(db: Platform["db"], script: { accountId: string; scriptId: string; now: string }): Promise<void>;
  /** Tag of the last migration once it is done; undefined: as it was. */
  migrationTag?: string | null;
}

/** How bindings of an upload find what they name, as it will be once the upload is applied. */
export type BindableState = Pick<
  AcceptContext,
  "namespace" | "workflow" | "database" | "kvNamespace" | "r2Bucket" | "secretScopes" | "queueId"
>;

/** For lists that name nothing of the kind. */
export const nothingBindable: BindableState = {
  namespace: () => undefined,
  workflow: () => undefined,
  database: () => false,
  kvNamespace: () => false,
  r2Bucket: () => false,
  secretScopes: () => undefined,
  queueId: () => undefined,
};

export interface StateRequest extends Pick<Metadata, "migrations" | "exports"> {
  bindings: unknown[];
  /** Whether the version is deployed at once: only then classes may change. */
  deploy: boolean;
  /** Whether the newest version declares its classes in `exports`. */
  usesExports: boolean;
}

/** For changes that leave classes and workflows as they are. */
export async function unchangedState({ platform }: Change, script: ScriptRow | undefined): Promise<StateChange> {
  const objects = script ? await classesOfScript(platform.db, script.id) : [];
  const workflows = script ? await workflowsOfScript(platform.db, script.id) : [];
  return {
    objects,
    workflows,
    settle(exports) {
      checkClassesExported(objects, exports);
      return undefined;
    },
    apply: async () => {},
  };
}

/**
 * Works out what an upload's `migrations`, `exports` and bindings do. Errors: 10061, 10079, 10074, 10123, 10211, 100406 now;
 * 10064, 10070, 100402 from `settle`; 10035 from `apply` when another upload was faster.
 */
export async function planState(
  change: Change,
  script: ScriptRow | undefined,
  request: StateRequest,
): Promise<{ state: StateChange; bindable: BindableState }> {
  const { platform, accountId, scriptName } = change;
  const classes = await accountClasses(platform.db, accountId);
  const scripts = await scriptIds(platform, accountId);
  const lifecycle = await planLifecycle(change, script, request, classes, scripts);
  const workflows = await planWorkflows(change, script, request);
  const own = lifecycle.plan.classes;
  const after = classesAfter(classes, lifecycle.plan, scriptName, scripts);
  const databases = await knownDatabases(platform, accountId, request.bindings);
  const kvNamespaces = await knownKvNamespaces(platform.db, accountId, request.bindings);
  const buckets = await knownBuckets(platform, accountId, request.bindings);
  const secrets = await boundSecretScopes(platform.db, accountId, request.bindings);
  const queues = await knownQueues(platform.db, accountId, request.bindings);

  const bindable: BindableState = {
    namespace(of, className) {
      if (of !== undefined && of !== scriptName) {
        if (!scripts.has(of)) throw scriptOfBindingMissing(className, of);
        const found = after.find((one) => one.scriptName === of && one.className === className);
        if (!found) throw classNotConfigured(className, of);
        return found.namespaceId;
      }
      const known = request.deploy ? own : classes.filter(({ scriptId }) => scriptId === script?.id);
      const found = known.find((one) => one.className === className)?.namespaceId;
      const id = found ?? lifecycle.plan.expected.get(className);
      if (id !== undefined) return id;
      if (lifecycle.plan.deleted.has(className)) throw deletedClassBound(className);
      if (request.deploy) throw classNotConfigured(className, scriptName);
      throw lifecycle.declares(className) ? exportNotProvisioned(className) : classNotProvisioned(className);
    },
    workflow: (name, of, className) => workflows.find(name, of, className),
    database: (id) => databases.has(id),
    kvNamespace: (id) => kvNamespaces.has(id),
    r2Bucket: (name) => buckets.has(name),
    secretScopes: (storeId, name) => secrets.get(referenceKey(storeId, name)),
    queueId: (name) => queues.get(name),
  };
  return { state: stateChange(lifecycle, workflows, request.deploy), bindable };
}

function stateChange(lifecycle: Lifecycle, workflows: WorkflowChange, deploy: boolean): StateChange {
  const { plan } = lifecycle;
  return {
    objects: plan.classes,
    workflows: workflows.after,
    settle(exports, bindings) {
      const reconciliation = lifecycle.check((name) => exportsClass(exports, name));
      // Bindings that an upload keeps or inherits are not looked up anew.
      for (const operation of plan.operations) {
        if (operation.kind === "discard" && bindings.some((binding) => bindsState(binding, operation.namespaceId)))
          throw deletedClassBound(operation.className);
      }
      if (!deploy && plan.operations.length > 0) throw lifecycleInVersion();
      checkClassesExported(plan.classes, exports);
      workflows.check((name) => exportsWorkflow(exports, name));
      return reconciliation;
    },
    async apply(db, script) {
      await applyOperations(db, plan.operations, script);
      await workflows.apply(db, script);
    },
    ...(lifecycle.newTag !== undefined && { migrationTag: lifecycle.newTag }),
  };
}

function checkClassesExported(classes: ObjectClass[], exports: ExportedEntrypoint[]): void {
  const missing = classes.find(({ className }) => !exportsClass(exports, className));
  if (missing) throw classNoLongerExported(missing.className);
}

function bindsState(binding: Binding, namespaceId: string): boolean {
  return binding.type === "durable_object_namespace" && binding.namespaceId === namespaceId;
}

/** The classes of other scripts once the plan is done. */
function classesAfter(
  classes: RegisteredClass[],
  plan: LifecyclePlan,
  scriptName: string,
  scripts: Map<string, string>,
): RegisteredClass[] {
  const byId = new Map(classes.map((one) => [one.namespaceId, one]));
  for (const operation of plan.operations) {
    if (operation.kind !== "move") continue;
    const old = byId.get(operation.namespaceId);
    const { script, className } = operation.to;
    const name = script === "uploaded" ? scriptName : [...scripts].find(([, id]) => id === script)?.[0];
    if (old && name !== undefined) byId.set(old.namespaceId, { ...old, scriptName: name, className });
  }
  return [...byId.values()];
}

/** Ids of an account's scripts, by name. */
async function scriptIds({ db }: Platform, accountId: string): Promise<Map<string, string>> {
  const rows = await db.selectFrom("scripts").select(["id", "name"]).where("account_id", "=", accountId).execute();
  return new Map(rows.map(({ id, name }) => [name, id]));
}

/** Which of the D1 databases that bindings name the account has. */
async function knownDatabases({ db }: Platform, accountId: string, raws: unknown[]): Promise<Set<string>> {
  const wanted = raws.flatMap((raw) => {
    const { type, id, database_id } = (raw ?? {}) as Record<string, unknown>;
    return type === "d1" ? [id, database_id].filter((value) => typeof value === "string") : [];
  });
  if (wanted.length === 0) return new Set();
  const rows = await db
    .selectFrom("d1_databases")
    .select("id")
    .where("account_id", "=", accountId)
    .where("id", "in", [...new Set(wanted)])
    .execute();
  return new Set(rows.map(({ id }) => id));
}
