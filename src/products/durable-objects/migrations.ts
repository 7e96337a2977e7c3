import { z } from "zod";
import type { ObjectClass } from "../../domain/version.ts";
import {
  badLifecycle,
  classExists,
  newClassNotExported,
  storageFixed,
  tagMismatch,
  targetNotExported,
  unknownClass,
  unknownTransferSource,
} from "./errors.ts";
import type { LifecycleOperation, LifecyclePlan, RegisteredClass } from "./lifecycle.ts";
import { MAX_CLASS_NAME_LENGTH, MAX_LIFECYCLE_ENTRIES } from "./limits.ts";

const className = z
  .string()
  .max(MAX_CLASS_NAME_LENGTH)
  .regex(/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u, "must be the name of a class");
const names = z.array(className).max(MAX_LIFECYCLE_ENTRIES).nullish();

const step = z.looseObject({
  new_classes: names,
  new_sqlite_classes: names,
  deleted_classes: names,
  renamed_classes: z
    .array(z.looseObject({ from: className, to: className }))
    .max(MAX_LIFECYCLE_ENTRIES)
    .nullish(),
  transferred_classes: z
    .array(z.looseObject({ from: className, from_script: z.string().min(1), to: className }))
    .max(MAX_LIFECYCLE_ENTRIES)
    .nullish(),
});
type Step = z.infer<typeof step>;

/** `metadata.migrations`: steps between two tags, or one step's fields beside the tags (`wrangler-api.md` 2.7, 2.9). */
export const migrationsSchema = step.extend({
  old_tag: z.string().max(256).nullish(),
  new_tag: z.string().max(256).nullish(),
  steps: z.array(step).max(MAX_LIFECYCLE_ENTRIES).nullish(),
});
export type Migrations = z.infer<typeof migrationsSchema>;

/** What migrations start from. */
export interface MigrationStart {
  scriptName: string;
  /** Tag of the last migration that was applied. */
  tag: string | null;
  classes: ObjectClass[];
  /** A class of another script; undefined when the script has none of this name, "no script" when there is no such script. */
  find(scriptName: string, className: string): RegisteredClass | undefined | "no script";
  newNamespaceId(): string;
}

export interface MigrationPlan extends LifecyclePlan {
  newTag: string | null;
  /** Refuses code that does not export what the migrations need it to. */
  checkExported(isExported: (className: string) => boolean): void;
}

/**
 * Applies migrations to a script's classes, on paper. Within a step: deleted, renamed, transferred, new.
 * Errors: 10079 for the tag, 10074 for classes that are or are not there, 10070 from `checkExported`.
 */
export function planMigrations(migrations: Migrations, start: MigrationStart): MigrationPlan {
  const given = migrations.old_tag ?? "";
  if (given !== (start.tag ?? "")) throw tagMismatch(given, start.tag ?? "");
  const walk = new Walk(start);
  for (const one of [migrations, ...(migrations.steps ?? [])]) walk.apply(one);
  return {
    operations: walk.operations,
    classes: [...walk.classes.values()],
    deleted: walk.deleted,
    expected: new Map(),
    newTag: migrations.new_tag ?? start.tag,
    checkExported(isExported) {
      for (const [name, refusal] of walk.needed) {
        // What a later step renamed or deleted again need not be in the code.
        if (walk.classes.has(name) && !isExported(name)) throw refusal(name);
      }
    },
  };
}

class Walk {
  readonly operations: LifecycleOperation[] = [];
  readonly classes: Map<string, ObjectClass>;
  readonly deleted = new Set<string>();
  readonly needed = new Map<string, (className: string) => Error>();
  readonly #start: MigrationStart;
  /** Classes that other scripts gave in an earlier step. */
  readonly #taken = new Set<string>();

  constructor(start: MigrationStart) {
    this.#start = start;
    this.classes = new Map(start.classes.map((one) => [one.className, one]));
  }

  apply(one: Step): void {
    for (const name of one.deleted_classes ?? []) this.#delete(name);
    for (const { from, to } of one.renamed_classes ?? []) this.#rename(from, to);
    for (const { from, from_script, to } of one.transferred_classes ?? []) {
      if (from_script === this.#start.scriptName) this.#rename(from, to);
      else this.#transfer(from_script, from, to);
    }
    for (const name of one.new_classes ?? []) this.#create(name, "legacy-kv");
    for (const name of one.new_sqlite_classes ?? []) this.#create(name, "sqlite");
  }

  #delete(name: string): void {
    const old = this.classes.get(name);
    if (!old) throw unknownClass("delete", name, this.#start.scriptName);
    this.classes.delete(name);
    this.deleted.add(name);
    this.operations.push({ kind: "discard", namespaceId: old.namespaceId, className: name });
  }

  #rename(from: string, to: string): void {
    const old = this.classes.get(from);
    if (!old) throw unknownClass("rename", from, this.#start.scriptName);
    if (from === to) throw badLifecycle(`The migration renames the class '${from}' to itself.`);
    this.#refuseTaken(to);
    this.classes.delete(from);
    this.#add({ ...old, className: to }, (name) => targetNotExported("renamed", name));
    const { namespaceId } = old;
    const place = (className: string) => ({ script: "uploaded", className }) as const;
    this.operations.push({ kind: "move", namespaceId, from: place(from), to: place(to) });
  }

  #transfer(fromScript: string, from: string, to: string): void {
    const old = this.#start.find(fromScript, from);
    if (old === "no script") throw unknownTransferSource(fromScript, from);
    if (!old || this.#taken.has(old.namespaceId)) throw unknownClass("transfer", from, fromScript);
    this.#refuseTaken(to);
    const { namespaceId, storage, scriptId } = old;
    this.#taken.add(namespaceId);
    this.#add({ className: to, namespaceId, storage }, (name) => targetNotExported("transferred", name));
    this.operations.push({
      kind: "move",
      namespaceId,
      from: { script: scriptId, className: from },
      to: { script: "uploaded", className: to },
    });
  }

  #create(name: string, storage: ObjectClass["storage"]): void {
    const old = this.classes.get(name);
    if (old && old.storage !== storage) throw storageFixed(name, old.storage);
    this.#refuseTaken(name);
    const created: ObjectClass = { className: name, namespaceId: this.#start.newNamespaceId(), storage };
    this.#add(created, newClassNotExported);
    this.operations.push({ kind: "create", class: created });
  }

  #refuseTaken(name: string): void {
    if (this.classes.has(name)) throw classExists(name);
  }

  #add(one: ObjectClass, refusal: (className: string) => Error): void {
    this.classes.set(one.className, one);
    this.deleted.delete(one.className);
    this.needed.set(one.className, refusal);
  }
}
