import { expect, test } from "vitest";
import { developmentOnly, previewOf, productionOf } from "./file-words.ts";

const known = {
  compatibility_date: "2026-01-01",
  vars: { A: "1" },
  d1_databases: [{ binding: "DB", database_name: "orders", database_id: "d" }],
  ratelimits: [{ name: "LIMIT", namespace_id: "1" }],
  durable_objects: { bindings: [{ name: "O", class_name: "Own" }] },
};

test("a file that is in force goes first, and gets what it does not say", () => {
  const before = {
    pages_build_output_dir: "dist",
    compatibility_date: "2026-02-02",
    vars: { A: "new", B: "2" },
    d1_databases: [{ binding: "DB", database_name: "mine", database_id: "d", migrations_dir: "sql" }],
    durable_objects: { bindings: [{ name: "O", class_name: "Own", script_name: "shop" }] },
    kv_namespaces: [{ binding: "KV", id: "k", remote: true }],
  };
  expect(productionOf("shop", { before }, known)).toEqual({
    compatibility_date: "2026-02-02",
    vars: { A: "new", B: "2" },
    d1_databases: [{ binding: "DB", database_name: "mine", database_id: "d", migrations_dir: "sql" }],
    ratelimits: [{ name: "LIMIT", namespace_id: "1" }],
    durable_objects: { bindings: [{ name: "O", class_name: "Own" }] },
    kv_namespaces: [{ binding: "KV", id: "k", remote: true }],
  });
  expect(developmentOnly({ before }, known)).toEqual([]);
});

test("a file for development keeps what only it says of a binding that the project has, and no others", () => {
  const before = {
    vars: { A: "dev", B: "2" },
    d1_databases: [
      { binding: "DB", database_name: "mine", database_id: "d", migrations_dir: "sql" },
      { binding: "OTHER", database_name: "x", database_id: "local" },
    ],
  };
  const made = productionOf("shop", { before }, known);
  expect(made).toEqual({
    ...known,
    d1_databases: [{ binding: "DB", database_name: "mine", database_id: "d", migrations_dir: "sql" }],
  });
  expect(developmentOnly({ before }, known)).toEqual(["B", "OTHER"]);
});

test("an environment for production becomes the top level, and what was there is what previews have", () => {
  const before = {
    pages_build_output_dir: "dist",
    compatibility_flags: ["nodejs_compat"],
    vars: { A: "both" },
    services: [{ binding: "API", service: "api" }],
    env: { production: { vars: { A: "production" }, compatibility_date: "2026-03-03" } },
  };
  expect(productionOf("shop", { before }, { compatibility_date: "2026-01-01" })).toEqual({
    compatibility_date: "2026-03-03",
    compatibility_flags: ["nodejs_compat"],
    vars: { A: "production" },
  });
  expect(previewOf("shop", { before })).toEqual({
    vars: { A: "both" },
    services: [{ binding: "API", service: "api" }],
  });
  expect(previewOf("shop", { before: {} })).toBeUndefined();
});
