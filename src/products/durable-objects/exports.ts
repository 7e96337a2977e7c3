import type { ObjectClass } from "../../domain/version.ts";
import { type DurableObjectExport, entryProblem, isLive } from "./declared-exports.ts";
import { type ExportFailure, exportsNotReconciled } from "./errors.ts";
import { type Compared, codeFailures, stillInCode } from "./exports-code.ts";
import type { LifecycleOperation, LifecyclePlan, RegisteredClass } from "./lifecycle.ts";
import { noReconciliation, type Reconciliation } from "./reconciliation.ts";
import type { ExpectedTransfer } from "./registry.ts";

/** A binding of another script of the account to a class. */
export interface ClassUse {
  script: string;
  className: string;
  /** Script that the binding names. */
  of: string;
  namespaceId: string;
}

/** What declared exports are compared with. */
export interface ExportsStart {
  scriptName: string;
  /** Undefined: a script that is made by this upload. */
  scriptId: string | undefined;
  /** All of the account. */
  classes: RegisteredClass[];
  transfers: ExpectedTransfer[];
  /** Ids of the account's scripts, by name. */
  scripts: Map<string, string>;
  uses: ClassUse[];
  newNamespaceId(): string;
}

export interface ExportsPlan extends LifecyclePlan {
  /** Compares with the code too; error 100402 with all that is wrong. */
  reconcile(isExported: (className: string) => boolean): Reconciliation;
}

/** Compares declared exports with the registry, and later with the code (`workers-semantics.md` 8.2). */
export function planExports(declared: Map<string, DurableObjectExport>, start: ExportsStart): ExportsPlan {
  const plan = new Comparison(declared, start);
  return {
    operations: plan.operations,
    classes: [...plan.after.values()],
    deleted: new Set(plan.result.deleted),
    expected: plan.expected,
    reconcile(isExported) {
      const failures = [...plan.failures, ...codeFailures(plan, isExported)];
      if (failures.length > 0) throw exportsNotReconciled(failures);
      return { ...plan.result, info: [...plan.result.info, ...stillInCode(plan.result, isExported)] };
    },
  };
}

class Comparison implements Compared {
  readonly operations: LifecycleOperation[] = [];
  readonly failures: ExportFailure[] = [];
  readonly after: Map<string, ObjectClass>;
  readonly expected = new Map<string, string>();
  readonly result: Reconciliation = noReconciliation();
  readonly declared: Map<string, DurableObjectExport>;
  readonly sound: [name: string, entry: DurableObjectExport][];
  readonly #start: ExportsStart;
  readonly own: Map<string, RegisteredClass>;
  /** Entries that are not sound in themselves: nothing more is said about them. */
  readonly #invalid = new Set<string>();

  readonly usersOf = (namespaceId: string): string[] => {
    const users = this.#start.uses.filter((use) => use.namespaceId === namespaceId).map(({ script }) => script);
    return [...new Set(users)].sort();
  };

  constructor(declared: Map<string, DurableObjectExport>, start: ExportsStart) {
    this.declared = declared;
    this.#start = start;
    const own = start.classes.filter(({ scriptId }) => scriptId === start.scriptId);
    this.own = new Map(own.map((one) => [one.className, one]));
    this.after = new Map(
      own.map(({ className, namespaceId, storage }) => [className, { className, namespaceId, storage }]),
    );
    for (const [name, entry] of declared) this.#checkFields(name, entry);
    this.#stopExpecting();
    // Tombstones first: a new class may have the name that one frees.
    this.sound = [...declared].filter(([name]) => !this.#invalid.has(name));
    for (const [name, entry] of this.sound) if (!isLive(entry)) this.#bury(name, entry);
    for (const [name, entry] of this.sound) if (isLive(entry)) this.#live(name, entry);
  }

  #checkFields(name: string, entry: DurableObjectExport): void {
    const problem = entryProblem(this.declared, name, entry);
    if (!problem) return;
    this.#invalid.add(name);
    this.#fail(name, "invalid_export", problem, "correct the entry.");
  }

  /** Transfers that are no longer declared were called off. */
  #stopExpecting(): void {
    for (const { scriptId, className } of this.#start.transfers) {
      if (scriptId !== this.#start.scriptId || this.declared.get(className)?.state === "expecting-transfer") continue;
      this.operations.push({ kind: "stop-expecting", script: "uploaded", className });
    }
  }

  #bury(name: string, entry: DurableObjectExport): void {
    const old = this.own.get(name);
    if (!old) this.#stale(name, entry.state);
    else if (entry.state === "deleted") this.#delete(old);
    else if (entry.state === "renamed") this.#rename(old, entry.renamed_to ?? "");
    else this.#give(old, entry.transferred_to ?? "");
  }

  #stale(name: string, state: string): void {
    const users = this.#start.uses
      .filter(({ of, className }) => of === this.#start.scriptName && className === name)
      .map(({ script }) => script);
    const by = state === "deleted" ? [] : [...new Set(users)].sort();
    const advice =
      by.length > 0 ? "Deploy the Workers that bind the old name first." : "Safe to remove from `exports`.";
    this.result.info.push({
      class: name,
      scenario: "stale_tombstone",
      message: `The tombstone (${state}) of '${name}' has no effect: there is no namespace of this class. ${advice}`,
      ...(by.length > 0 && { referencing_scripts: by }),
    });
    if (by.length === 0) this.result.removable_entries.push(name);
  }

  #delete({ className, namespaceId }: RegisteredClass): void {
    const by = this.usersOf(namespaceId);
    if (by.length > 0) {
      this.#fail(
        className,
        "tombstone_delete_blocked_by_external_bindings",
        `Other Workers bind '${className}'.`,
        "deploy them without the binding, then deploy this again.",
        by,
      );
      return;
    }
    this.after.delete(className);
    this.result.deleted.push(className);
    this.operations.push({ kind: "discard", namespaceId, className });
  }

  #rename(old: RegisteredClass, to: string): void {
    if (this.own.has(to)) {
      this.#fail(
        old.className,
        "tombstone_renamed_to_occupied",
        `A namespace exists under the new name '${to}' already.`,
        `delete '${to}' by a tombstone of its own in an earlier deploy.`,
      );
      return;
    }
    const { className: from, namespaceId, storage } = old;
    this.after.delete(from);
    this.after.set(to, { className: to, namespaceId, storage });
    this.result.renamed.push({ from, to });
    const place = (className: string) => ({ script: "uploaded", className }) as const;
    this.operations.push({ kind: "move", namespaceId, from: place(from), to: place(to) });
  }

  #give({ className, namespaceId }: RegisteredClass, to: string): void {
    const { scripts, transfers, scriptId, scriptName } = this.#start;
    const target = scripts.get(to);
    const expecting = transfers.filter((one) => one.className === className && one.sourceScriptId === scriptId);
    if (!target) {
      this.#fail(
        className,
        "transferred_target_missing",
        `There is no Worker "${to}" on your account.`,
        "correct transferred_to, or remove the tombstone.",
      );
    } else if (!expecting.some((one) => one.scriptId === target)) {
      const other = expecting[0];
      if (other) {
        this.#fail(
          className,
          "transferred_target_mismatch",
          `"${other.scriptName}" expects '${className}', not "${to}".`,
          `set transferred_to to "${other.scriptName}", or let it call the transfer off first.`,
        );
      } else {
        this.#fail(
          className,
          "transferred_pending_not_found",
          `"${to}" does not expect '${className}' from this Worker.`,
          `deploy "${to}" first, with an entry for '${className}' in state expecting-transfer that names "${scriptName}".`,
        );
      }
    } else {
      this.after.delete(className);
      this.result.transferred.push({ class: className, to, phase: "committed" });
      this.operations.push(
        { kind: "stop-expecting", script: target, className },
        {
          kind: "move",
          namespaceId,
          from: { script: "uploaded", className },
          to: { script: target, className },
          givenBy: scriptName,
        },
      );
    }
  }

  #live(name: string, entry: DurableObjectExport): void {
    if (entry.state === "expecting-transfer") {
      this.#expect(name, entry);
      return;
    }
    // What is under this name when all tombstones have done their work; a deleted class may come again.
    const old = this.after.get(name);
    if (old) {
      this.#checkStorage(name, entry, old.storage);
    } else if (entry.storage === "legacy-kv") {
      this.#fail(
        name,
        "invalid_export",
        `'${name}' would be a new namespace with legacy-kv storage.`,
        'use "storage": "sqlite" for new namespaces.',
      );
    } else {
      const created: ObjectClass = { className: name, namespaceId: this.#start.newNamespaceId(), storage: "sqlite" };
      this.after.set(name, created);
      this.result.created.push(name);
      this.operations.push({ kind: "create", class: created });
    }
  }

  #expect(name: string, entry: DurableObjectExport): void {
    const from = entry.transfer_from ?? "";
    const own = this.own.get(name);
    if (own) {
      this.#alreadyHere(name, from, own);
      return;
    }
    const { scripts, transfers, classes, scriptId } = this.#start;
    const source = scripts.get(from);
    const given = classes.find((one) => one.scriptId === source && one.className === name);
    const pending = transfers.find((one) => one.scriptId === scriptId && one.className === name);
    if (source === undefined || from === this.#start.scriptName) {
      this.#fail(
        name,
        "phase_one_transfer_source_missing",
        `There is no other Worker "${from}" on your account.`,
        "correct transfer_from.",
      );
    } else if (!given) {
      this.#fail(
        name,
        "phase_one_transfer_source_namespace_missing",
        `The Worker "${from}" has no namespace for '${name}'.`,
        `deploy '${name}' in "${from}" before it can be transferred.`,
      );
    } else if (pending && pending.sourceScriptId !== source) {
      this.#fail(
        name,
        "phase_one_transfer_duplicate",
        `'${name}' is expected from "${pending.sourceScriptName}" already.`,
        "call that transfer off first: remove or replace the entry.",
      );
    } else if (this.#checkStorage(name, entry, given.storage)) {
      this.expected.set(name, given.namespaceId);
      this.result.transfer_pending.push({ class: name, from });
      if (!pending) this.operations.push({ kind: "expect", className: name, sourceScriptId: source });
    }
  }

  /** The class is this script's: transferred before, or its own all along. */
  #alreadyHere(name: string, from: string, own: RegisteredClass): void {
    if (own.transferredFrom === from) {
      this.result.info.push({
        class: name,
        scenario: "transfer_receive_already_applied",
        message: `The transfer of '${name}' from "${from}" is done. Replace the entry with a live one.`,
        namespace_id: own.namespaceId,
      });
    } else if (own.transferredFrom !== null) {
      this.#fail(
        name,
        "phase_one_transfer_after_commit_mismatch",
        `'${name}' was transferred from "${own.transferredFrom}", not from "${from}".`,
        "replace the entry with a live one; a transfer cannot be redirected.",
      );
    } else {
      this.#fail(
        name,
        "phase_one_transfer_target_class_provisioned",
        `This Worker has a namespace for '${name}' already.`,
        "replace the entry with a live one, or delete the namespace first.",
      );
    }
  }

  #checkStorage(name: string, entry: DurableObjectExport, storage: ObjectClass["storage"]): boolean {
    if (entry.storage === storage) return true;
    this.#fail(
      name,
      "storage_type_mismatch",
      `'${name}' is declared with ${entry.storage} storage; its namespace has ${storage} storage, which cannot change.`,
      `declare "storage": "${storage}".`,
    );
    return false;
  }

  #fail(className: string, scenario: string, message: string, suggestion: string, by: string[] = []): void {
    this.failures.push({
      ...{ class: className, scenario, message, suggestion },
      ...(by.length > 0 && { referencing_scripts: by }),
    });
  }
}
