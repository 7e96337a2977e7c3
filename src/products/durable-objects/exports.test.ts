import { expect, test } from "vitest";
import type { ApiError } from "../../lib/api.ts";
import { declaredClasses, exportsSchema } from "./declared-exports.ts";
import type { ExportFailure } from "./errors.ts";
import { type ClassUse, planExports } from "./exports.ts";
import type { RegisteredClass } from "./lifecycle.ts";
import { noReconciliation, type Reconciliation } from "./reconciliation.ts";
import type { ExpectedTransfer } from "./registry.ts";

const mine = { scriptId: "mine-id", scriptName: "mine", transferredFrom: null };
const A: RegisteredClass = { className: "A", namespaceId: "a", storage: "sqlite", ...mine };
const K: RegisteredClass = { ...A, className: "K", namespaceId: "k", storage: "legacy-kv" };
const R: RegisteredClass = { ...A, className: "R", namespaceId: "r", transferredFrom: "other" };
const B: RegisteredClass = { ...A, className: "B", namespaceId: "b", scriptId: "other-id", scriptName: "other" };
const scripts = new Map([
  ["mine", "mine-id"],
  ["other", "other-id"],
  ["third", "third-id"],
]);
const live = { type: "durable-object", storage: "sqlite" };
const tomb = (state: string, more: Record<string, string> = {}) => ({ type: "durable-object", state, ...more });
const expecting = (transfer_from: string) => ({ ...live, state: "expecting-transfer", transfer_from });

interface Case {
  has?: RegisteredClass[];
  transfers?: ExpectedTransfer[];
  uses?: ClassUse[];
  /** What the code exports; by default all live entries. */
  code?: string[];
}

function run(
  exports: Record<string, Record<string, unknown>>,
  { has = [], transfers = [], uses = [], code }: Case = {},
) {
  let count = 0;
  const plan = planExports(declaredClasses(exportsSchema.parse(exports)), {
    ...{ scriptName: "mine", scriptId: "mine-id", classes: [...has, B], transfers, scripts, uses },
    newNamespaceId: () => `n${++count}`,
  });
  const isLive = (name: string) =>
    [undefined, "created", "expecting-transfer"].includes(exports[name]?.state as string);
  const exported = code ?? Object.keys(exports).filter(isLive);
  const classes = plan.classes.map(({ className, namespaceId }) => `${className}=${namespaceId}`).sort();
  return { plan, classes, reconcile: () => plan.reconcile((name) => exported.includes(name)) };
}

function failures(exports: Record<string, Record<string, unknown>>, state: Case = {}): ExportFailure[] {
  try {
    run(exports, state).reconcile();
  } catch (error) {
    const [failure] = (error as ApiError).failures;
    expect(failure.code).toBe(100402);
    return failure.meta?.details as ExportFailure[];
  }
  return [];
}

const notice = (name: string, scenario: string) => expect.objectContaining({ class: name, scenario });
/** "mine" expects a class of "other", or the reverse. */
const pending = (className: string, to: "mine" | "other" | "third", from: "mine" | "other" | "third") => ({
  ...{ className, scriptName: to, scriptId: `${to}-id`, sourceScriptName: from, sourceScriptId: `${from}-id` },
});
const use = (of: string, className: string, namespaceId: string): ClassUse => ({
  ...{ script: "user", of, className, namespaceId },
});

const golden: [what: string, Record<string, Record<string, unknown>>, Case, string[], Partial<Reconciliation>][] = [
  ["a new class", { N: live }, {}, ["N=n1"], { created: ["N"] }],
  ["a class that is there", { A: live }, { has: [A] }, ["A=a"], {}],
  ["the older storage where it is there", { K: { ...live, storage: "legacy-kv" } }, { has: [K] }, ["K=k"], {}],
  ["entries of other types", { default: { type: "worker" }, A: live }, { has: [A] }, ["A=a"], {}],
  ["a delete", { A: tomb("deleted") }, { has: [A] }, [], { deleted: ["A"] }],
  [
    "a delete that is done",
    { A: tomb("deleted") },
    {},
    [],
    { info: [notice("A", "stale_tombstone")], removable_entries: ["A"] },
  ],
  [
    "a rename",
    { A: tomb("renamed", { renamed_to: "N" }), N: live },
    { has: [A] },
    ["N=a"],
    { renamed: [{ from: "A", to: "N" }] },
  ],
  [
    "a rename while the old class is in the code",
    { A: tomb("renamed", { renamed_to: "N" }), N: live },
    { has: [A], code: ["A", "N"] },
    ["N=a"],
    { renamed: [{ from: "A", to: "N" }], info: [notice("A", "tombstone_class_still_in_code")] },
  ],
  [
    "a rename that is done, with the old name still bound elsewhere",
    { A: tomb("renamed", { renamed_to: "N" }), N: live },
    { has: [{ ...A, className: "N" }], uses: [use("mine", "A", "a")] },
    ["N=a"],
    { info: [expect.objectContaining({ scenario: "stale_tombstone", referencing_scripts: ["user"] })] },
  ],
  [
    "a class that is expected",
    { B: expecting("other") },
    {},
    [],
    { transfer_pending: [{ class: "B", from: "other" }] },
  ],
  [
    "a class that is expected already",
    { B: expecting("other") },
    { transfers: [pending("B", "mine", "other")] },
    [],
    { transfer_pending: [{ class: "B", from: "other" }] },
  ],
  [
    "a class that has come",
    { R: expecting("other") },
    { has: [R] },
    ["R=r"],
    { info: [notice("R", "transfer_receive_already_applied")] },
  ],
  [
    "a class given away",
    { A: tomb("transferred", { transferred_to: "other" }) },
    { has: [A], transfers: [pending("A", "other", "mine")] },
    [],
    { transferred: [{ class: "A", to: "other", phase: "committed" }] },
  ],
];

test.each(golden)("%s", (_what, exports, state, classes, result) => {
  const { classes: after, reconcile } = run(exports, state);
  expect(after).toEqual(classes);
  expect(reconcile()).toEqual({ ...noReconciliation(), ...result });
});

const refusals: [scenario: string, Record<string, Record<string, unknown>>, Case][] = [
  ["provisioned_class_missing_from_config", { N: live }, { has: [A], code: ["A", "N"] }],
  ["orphaned_provisioned_namespace", { N: live }, { has: [A] }],
  ["config_export_not_in_code", { A: live }, { has: [A], code: [] }],
  ["config_references_nonexistent_class", { N: live }, { code: [] }],
  ["storage_type_mismatch", { A: { ...live, storage: "legacy-kv" } }, { has: [A] }],
  ["storage_type_mismatch", { K: live }, { has: [K] }],
  ["invalid_export", { N: { ...live, storage: "legacy-kv" } }, {}],
  ["invalid_export", { N: { type: "durable-object" } }, {}],
  ["invalid_export", { A: tomb("deleted", { storage: "sqlite" }) }, { has: [A] }],
  ["invalid_export", { A: tomb("renamed", { renamed_to: "A" }) }, { has: [A] }],
  ["invalid_export", { A: tomb("renamed", { renamed_to: "N" }) }, { has: [A] }],
  ["tombstone_delete_class_still_in_code", { A: tomb("deleted") }, { has: [A], code: ["A"] }],
  [
    "tombstone_delete_blocked_by_external_bindings",
    { A: tomb("deleted") },
    { has: [A], uses: [use("mine", "A", "a")] },
  ],
  ["tombstone_renamed_to_occupied", { A: tomb("renamed", { renamed_to: "R" }), R: live }, { has: [A, R] }],
  ["transferred_target_missing", { A: tomb("transferred", { transferred_to: "gone" }) }, { has: [A] }],
  ["transferred_pending_not_found", { A: tomb("transferred", { transferred_to: "other" }) }, { has: [A] }],
  [
    "transferred_target_mismatch",
    { A: tomb("transferred", { transferred_to: "third" }) },
    { has: [A], transfers: [pending("A", "other", "mine")] },
  ],
  ["phase_one_transfer_source_missing", { B: expecting("gone") }, {}],
  ["phase_one_transfer_source_namespace_missing", { X: expecting("other") }, {}],
  ["phase_one_transfer_target_class_provisioned", { A: expecting("other") }, { has: [A] }],
  ["phase_one_transfer_after_commit_mismatch", { R: expecting("third") }, { has: [R] }],
  ["phase_one_transfer_duplicate", { B: expecting("other") }, { transfers: [pending("B", "mine", "third")] }],
  ["storage_type_mismatch", { B: { ...expecting("other"), storage: "legacy-kv" } }, {}],
];

test.each(refusals)("%s: %j", (scenario, exports, state) => {
  expect(failures(exports, state).map((one) => one.scenario)).toEqual([scenario]);
});

test("names all failures at once, and who is in the way", () => {
  const found = failures({ A: tomb("deleted"), N: live }, { has: [A, K], uses: [use("mine", "A", "a")], code: [] });
  expect(found).toEqual([
    expect.objectContaining({ class: "A", referencing_scripts: ["user"] }),
    expect.objectContaining({ class: "N", suggestion: expect.any(String) }),
    expect.objectContaining({ class: "K", scenario: "orphaned_provisioned_namespace" }),
  ]);
});

test("a transfer that is no longer expected is called off", () => {
  const { plan } = run({}, { transfers: [pending("B", "mine", "other")] });
  expect(plan.operations).toEqual([{ kind: "stop-expecting", script: "uploaded", className: "B" }]);
});

test("bindings to a class that is expected lead to the namespace that comes", () => {
  expect(run({ B: expecting("other") }).plan.expected).toEqual(new Map([["B", "b"]]));
});
