import { expect, test } from "vitest";
import type { WorkerBinding } from "./config.ts";
import { rawBinding } from "./raw-binding.ts";

test.each<[string, WorkerBinding, WorkerBinding]>([
  ["KV", { name: "A", kvNamespace: "kv:A" }, { name: "A", service: "kv:A" }],
  [
    "D1, through the one fetcher that it wraps",
    { name: "A", wrapped: { moduleName: "d1", innerBindings: [{ name: "fetcher", service: "d1:A" }] } },
    { name: "A", service: "d1:A" },
  ],
  [
    "a service",
    { name: "A", service: { name: "b", entrypoint: "E" } },
    { name: "A", service: { name: "b", entrypoint: "E" } },
  ],
  ["a text", { name: "A", text: "x" }, { name: "A", text: "x" }],
  ["what wraps no fetcher", { name: "A", wrapped: { moduleName: "m" } }, { name: "A", wrapped: { moduleName: "m" } }],
])("%s", (_, binding, raw) => {
  expect(rawBinding(binding)).toEqual(raw);
});
