import { describe, expect, test } from "vitest";
import type { ApiError } from "../../lib/api.ts";
import type { LifecyclePlan, RegisteredClass } from "./lifecycle.ts";
import { type Migrations, migrationsSchema, planMigrations } from "./migrations.ts";

const A = { className: "A", namespaceId: "a", storage: "sqlite" } as const;
const K = { className: "K", namespaceId: "k", storage: "legacy-kv" } as const;
const other: RegisteredClass = {
  ...{ className: "B", namespaceId: "b", storage: "sqlite", scriptId: "other-id" },
  ...{ scriptName: "other", transferredFrom: null },
};

/** Plans for the script "mine", which has the classes A and K; ids of new namespaces are n1, n2, … */
function plan(
  migrations: Migrations,
  { tag = null as string | null, classes = [A, K] as (typeof A | typeof K)[] } = {},
) {
  let count = 0;
  return planMigrations(migrationsSchema.parse(migrations), {
    ...{ scriptName: "mine", tag, classes },
    find: (script, name) => (script !== "other" ? "no script" : name === "B" ? other : undefined),
    newNamespaceId: () => `n${++count}`,
  });
}

/** `Class=namespace:storage` of each. */
function summary({ classes }: LifecyclePlan): string[] {
  return classes.map(({ className, namespaceId, storage }) => `${className}=${namespaceId}:${storage}`).sort();
}

const kept = ["A=a:sqlite", "K=k:legacy-kv"];

const golden: [what: string, migrations: Migrations, after: string[], operations: string[]][] = [
  ["nothing", { new_tag: "v1" }, kept, []],
  ["a new class", { new_sqlite_classes: ["N"] }, [...kept, "N=n1:sqlite"], ["create"]],
  ["a new class of the older kind", { new_classes: ["N"] }, [...kept, "N=n1:legacy-kv"], ["create"]],
  ["a rename", { renamed_classes: [{ from: "A", to: "N" }] }, ["K=k:legacy-kv", "N=a:sqlite"], ["move"]],
  ["a delete", { deleted_classes: ["A"] }, ["K=k:legacy-kv"], ["discard"]],
  [
    "a transfer",
    { transferred_classes: [{ from: "B", from_script: "other", to: "N" }] },
    [...kept, "N=b:sqlite"],
    ["move"],
  ],
  [
    "a transfer from the script itself",
    { transferred_classes: [{ from: "A", from_script: "mine", to: "N" }] },
    ["K=k:legacy-kv", "N=a:sqlite"],
    ["move"],
  ],
  [
    "a rename that makes room for a new class",
    { renamed_classes: [{ from: "A", to: "N" }], new_sqlite_classes: ["A"] },
    ["A=n1:sqlite", "K=k:legacy-kv", "N=a:sqlite"],
    ["move", "create"],
  ],
  [
    "another kind of storage, by way of a delete",
    { deleted_classes: ["K"], new_sqlite_classes: ["K"] },
    ["A=a:sqlite", "K=n1:sqlite"],
    ["discard", "create"],
  ],
  [
    "several steps",
    {
      steps: [
        { new_sqlite_classes: ["N"] },
        { renamed_classes: [{ from: "N", to: "M" }] },
        { deleted_classes: ["A"], renamed_classes: [{ from: "M", to: "A" }] },
      ],
    },
    ["A=n1:sqlite", "K=k:legacy-kv"],
    ["create", "move", "discard", "move"],
  ],
];

test.each(golden)("%s", (_what, migrations, after, operations) => {
  const planned = plan(migrations);
  expect(summary(planned)).toEqual([...after].sort());
  expect(planned.operations.map(({ kind }) => kind)).toEqual(operations);
});

const refusals: [what: string, migrations: Migrations, code: number, words: RegExp][] = [
  ["a class that exists", { new_sqlite_classes: ["A"] }, 10074, /'A'.*existing Durable Objects/],
  ["a change of storage", { new_sqlite_classes: ["K"] }, 10074, /legacy-kv storage, which cannot change/],
  ["the reverse change of storage", { new_classes: ["A"] }, 10074, /sqlite storage, which cannot change/],
  ["a delete of what is not there", { deleted_classes: ["X"] }, 10074, /delete-class.*'X'/],
  ["a rename of what is not there", { renamed_classes: [{ from: "X", to: "Y" }] }, 10074, /rename-class.*'X'/],
  ["a rename to what is there", { renamed_classes: [{ from: "A", to: "K" }] }, 10074, /'K'/],
  ["a rename to itself", { renamed_classes: [{ from: "A", to: "A" }] }, 10021, /itself/],
  [
    "a transfer from nobody",
    { transferred_classes: [{ from: "B", from_script: "gone", to: "N" }] },
    10074,
    /no Worker "gone"/,
  ],
  [
    "a transfer of what is not there",
    { transferred_classes: [{ from: "X", from_script: "other", to: "N" }] },
    10074,
    /transfer-class.*'X'/,
  ],
  [
    "a transfer of one class twice",
    {
      steps: [
        { transferred_classes: [{ from: "B", from_script: "other", to: "N" }] },
        { transferred_classes: [{ from: "B", from_script: "other", to: "M" }] },
      ],
    },
    10074,
    /transfer-class.*'B'/,
  ],
];

test.each(refusals)("refuses %s", (_what, migrations, code, words) => {
  expect(() => plan(migrations)).toThrow(words);
  expect(refusalOf(() => plan(migrations))?.failures[0].code).toBe(code);
});

const tags: [tag: string | null, old: string | undefined, fits: boolean][] = [
  [null, undefined, true],
  [null, "", true],
  [null, "v1", false],
  ["v1", "v1", true],
  ["v1", undefined, false],
  ["v2", "v1", false],
];

test.each(tags)("at tag %s, migrations from tag %s: %s", (tag, old_tag, fits) => {
  const run = () => plan({ ...(old_tag !== undefined && { old_tag }), new_tag: "v9" }, { tag });
  if (fits) expect(run().newTag).toBe("v9");
  else expect(refusalOf(run)).toMatchObject({ status: 412, failures: [{ code: 10079 }] });
});

describe("the code", () => {
  const check = (migrations: Migrations, ...exported: string[]) =>
    refusalOf(() => plan(migrations).checkExported((name) => exported.includes(name)))?.failures[0];

  test("must export new classes, and the targets of renames and transfers", () => {
    expect(check({ new_sqlite_classes: ["N"] })).toMatchObject({ code: 10070, message: /new-class.*'N'/ });
    expect(check({ renamed_classes: [{ from: "A", to: "N" }] })).toMatchObject({ code: 10070 });
    expect(check({ transferred_classes: [{ from: "B", from_script: "other", to: "N" }] })).toMatchObject({
      code: 10070,
    });
    expect(check({ new_sqlite_classes: ["N"] }, "N")).toBeUndefined();
  });

  test("need not export what a later step took away", () => {
    const steps = [{ new_sqlite_classes: ["N"] }, { renamed_classes: [{ from: "N", to: "M" }] }];
    expect(check({ steps }, "M")).toBeUndefined();
  });
});

function refusalOf(run: () => unknown): ApiError | undefined {
  try {
    run();
  } catch (error) {
    return error as ApiError;
  }
  return undefined;
}
