import { expect, test } from "vitest";
import type { Binding } from "../domain/version.ts";
import { type AcceptContext, checkBindings, describeBinding, parseBinding, serviceTargets } from "./index.ts";

const context: AcceptContext = {
  seal: (clear) => ({ sealed: `sealed ${clear}` }),
  part: (name) => (name === "there" ? { blob: "b10b", size: 7 } : undefined),
  namespace: (scriptName, className) => (className === "Room" ? `id of ${scriptName ?? "own"} Room` : undefined),
  workflow: (name) => (name === "flow" ? "id of flow" : undefined),
  database: (databaseId) => databaseId === "d1d1",
  kvNamespace: (namespaceId) => namespaceId === "4b4b",
  r2Bucket: (name) => name === "things",
  secretScopes: (storeId, name) =>
    storeId === "5705e"
      ? new Map([
          ["key", ["workers"]],
          ["other", ["ai_gateway"]],
        ]).get(name)
      : undefined,
  queueId: (name) => (name === "orders" ? "0e0e" : undefined),
};

/** Uploaded, stored, shown; `shown` is what was uploaded where it is left out. */
const accepted: [name: string, uploaded: Record<string, unknown>, stored: object, shown?: object][] = [
  ["plain text", { type: "plain_text", name: "A", text: "x\0é" }, { type: "plain_text", name: "A", text: "x\0é" }],
  ["JSON", { type: "json", name: "A", json: { a: [null] } }, { type: "json", name: "A", json: { a: [null] } }],
  ["JSON null", { type: "json", name: "A", json: null }, { type: "json", name: "A", json: null }],
  [
    "a secret, sealed and never shown",
    { type: "secret_text", name: "A", text: "s" },
    { type: "secret_text", name: "A", text: { sealed: "sealed s" } },
    { type: "secret_text", name: "A" },
  ],
  [
    "a part",
    { type: "wasm_module", name: "$w", part: "there" },
    { type: "wasm_module", name: "$w", part: "there", blob: "b10b", size: 7 },
  ],
  [
    "a queue",
    { type: "queue", name: "A", queue_name: "orders", delivery_delay: 5 },
    { type: "queue", name: "A", queueName: "orders", queueId: "0e0e", deliveryDelayS: 5 },
  ],
  ["version metadata", { type: "version_metadata", name: "A" }, { type: "version_metadata", name: "A" }],
  ["a worker loader", { type: "worker_loader", name: "A" }, { type: "worker_loader", name: "A" }],
  [
    "a service",
    { type: "service", name: "A", service: "b", environment: "production", entrypoint: "E", props: { a: 1 } },
    { type: "service", name: "A", service: "b", environment: "production", entrypoint: "E", props: { a: 1 } },
  ],
  [
    "the default entrypoint by name",
    { type: "service", name: "A", service: "b", entrypoint: "default" },
    { type: "service", name: "A", service: "b" },
    { type: "service", name: "A", service: "b" },
  ],
  [
    "an object class of this script",
    { type: "durable_object_namespace", name: "A", class_name: "Room", script_name: "", namespace_id: "another" },
    { type: "durable_object_namespace", name: "A", className: "Room", namespaceId: "id of own Room" },
    { type: "durable_object_namespace", name: "A", class_name: "Room", namespace_id: "id of own Room" },
  ],
  [
    "an object class of another script",
    { type: "durable_object_namespace", name: "A", class_name: "Room", script_name: "b", environment: "production" },
    { type: "durable_object_namespace", name: "A", className: "Room", scriptName: "b", namespaceId: "id of b Room" },
    {
      type: "durable_object_namespace",
      name: "A",
      class_name: "Room",
      script_name: "b",
      namespace_id: "id of b Room",
    },
  ],
  [
    "a KV namespace",
    { type: "kv_namespace", name: "A", namespace_id: "4b4b" },
    { type: "kv_namespace", name: "A", namespaceId: "4b4b" },
  ],
  [
    "a secret of the Secrets Store",
    { type: "secrets_store_secret", name: "A", store_id: "5705e", secret_name: "key" },
    { type: "secrets_store_secret", name: "A", storeId: "5705e", secretName: "key" },
  ],
  ["images", { type: "images", name: "A" }, { type: "images", name: "A" }, { type: "images", name: "A" }],
  [
    "a dataset of Analytics Engine",
    { type: "analytics_engine", name: "A", dataset: "weather-data" },
    { type: "analytics_engine", name: "A", dataset: "weather-data" },
  ],
  [
    "a dataset with the binding's name",
    { type: "analytics_engine", name: "A" },
    { type: "analytics_engine", name: "A", dataset: "A" },
    { type: "analytics_engine", name: "A", dataset: "A" },
  ],
  [
    "fields of a newer client, left out",
    { type: "plain_text", name: "A", text: "", raw: true },
    { type: "plain_text", name: "A", text: "" },
    { type: "plain_text", name: "A", text: "" },
  ],
];

test.each(accepted)("accepts %s", (_name, uploaded, stored, shown = uploaded) => {
  const parsed = parseBinding(uploaded, context);
  expect(parsed).toEqual({ binding: stored });
  if ("binding" in parsed) expect(describeBinding(parsed.binding)).toEqual(shown);
});

const refused: [name: string, uploaded: unknown, code: number, message: string | RegExp][] = [
  [
    "an unknown type",
    { type: "no_such_type", name: "KV", namespace_id: "1" },
    10021,
    'Binding "KV" has type "no_such_type", which this platform does not support.',
  ],
  [
    "a KV namespace that the account does not have",
    { type: "kv_namespace", name: "KV", namespace_id: "1" },
    10041,
    /^KV namespace "1" of binding "KV" not found/,
  ],
  [
    "a secret that the store does not have",
    { type: "secrets_store_secret", name: "S", store_id: "5705e", secret_name: "gone" },
    10182,
    /^Secrets Store binding 'S' references store '5705e' and secret 'gone' which were not found/,
  ],
  [
    "a secret that is not for Workers",
    { type: "secrets_store_secret", name: "S", store_id: "5705e", secret_name: "other" },
    10021,
    /^Secrets store binding authorization failed/,
  ],
  [
    "a dataset whose name is none",
    { type: "analytics_engine", name: "A", dataset: "../b" },
    10021,
    /dataset: must have up to 128 letters/,
  ],
  ["a KV namespace without its id", { type: "kv_namespace", name: "KV" }, 10021, /namespace_id/],
  ["inherit, which is resolved before", { type: "inherit", name: "A" }, 10021, /has type "inherit"/],
  ["a type from the prototype", { type: "constructor", name: "A" }, 10021, /has type "constructor"/],
  ["no type", { name: "A" }, 10021, /^A binding is invalid: type: /],
  ["no name", { type: "plain_text", text: "" }, 10052, /^A binding is invalid: name: /],
  ["an empty name", { type: "plain_text", name: "", text: "" }, 10052, /^Binding name "" is invalid/],
  ["a name that is no identifier", { type: "plain_text", name: "a-b", text: "" }, 10021, /^Binding name "a-b" is/],
  ["a name with a digit first", { type: "plain_text", name: "1a", text: "" }, 10021, /^Binding name "1a" is/],
  ["a name with a line end", { type: "plain_text", name: "a\n", text: "" }, 10021, /^Binding name "a\n" is/],
  ["the one name that no object can have", { type: "plain_text", name: "__proto__", text: "" }, 10021, /__proto__/],
  ["a very long name", { type: "plain_text", name: "a".repeat(257), text: "" }, 10021, /^Binding name "a{80}…"/],
  ["text that is none", { type: "plain_text", name: "A", text: 5 }, 10021, /^Binding "A" of type "plain_text" is inv/],
  ["JSON that is absent", { type: "json", name: "A" }, 10021, /^Binding "A" of type "json" is invalid: json/],
  ["text too large", { type: "plain_text", name: "A", text: "é".repeat(2561) }, 10054, /has 5122 bytes/],
  ["a secret too large", { type: "secret_text", name: "A", text: "x".repeat(5121) }, 10054, /has 5121 bytes/],
  ["JSON too large", { type: "json", name: "A", json: "x".repeat(5119) }, 10054, /has 5121 bytes/],
  [
    "a part that is missing",
    { type: "text_blob", name: "A", part: "gone" },
    10021,
    'Binding "A" refers to part "gone", which the upload does not have.',
  ],
  ["a service without target", { type: "service", name: "A", service: "" }, 10021, /is invalid: service/],
  [
    "a service of another account",
    { type: "service", name: "A", service: "b", cross_account_grant: "g" },
    10021,
    /services of other accounts/,
  ],
  [
    "an object class that this script does not have",
    { type: "durable_object_namespace", name: "A", class_name: "Gone" },
    10061,
    /this Worker has no Durable Object class "Gone".*"new_sqlite_classes": \["Gone"\]/,
  ],
  [
    "an object class that another script does not have",
    { type: "durable_object_namespace", name: "A", class_name: "Gone", script_name: "b" },
    10061,
    /Worker "b" has no Durable Object class "Gone".*Deploy "b"/,
  ],
  ["something else", "binding", 10021, /^A binding is invalid/],
  ["nothing", null, 10021, /^A binding is invalid/],
];

test.each(refused)("refuses %s", (_name, uploaded, code, message) => {
  expect(parseBinding(uploaded, context)).toEqual({
    refusal: { code, message: typeof message === "string" ? message : expect.stringMatching(message) },
  });
});

test("a variable may have exactly 5 KB", () => {
  expect(parseBinding({ type: "plain_text", name: "A", text: "x".repeat(5120) }, context)).toHaveProperty("binding");
  expect(parseBinding({ type: "json", name: "A", json: "x".repeat(5118) }, context)).toHaveProperty("binding");
});

const text = (name: string, value = ""): Binding => ({ type: "plain_text", name, text: value });

test("a name may be used once", () => {
  expect(checkBindings([text("A"), { type: "worker_loader", name: "A" }])).toEqual({
    code: 10021,
    message: 'Binding name "A" is used more than once.',
  });
  expect(checkBindings([text("A"), text("B")])).toBeUndefined();
});

test("128 variables and secrets are the most; other bindings do not count", () => {
  const most = Array.from({ length: 128 }, (_, index) => text(`V${index}`));
  expect(checkBindings([...most, { type: "version_metadata", name: "M" }])).toBeUndefined();
  expect(checkBindings([...most, { type: "json", name: "J", json: 1 }])).toMatchObject({ code: 10055 });
});

test("the metadata of all bindings is bounded", () => {
  const service: Binding = { type: "service", name: "S", service: "b", props: { text: "x".repeat(1_000_000) } };
  expect(checkBindings([service])).toMatchObject({ code: 10021, message: expect.stringContaining("metadata") });
});

test("the scripts that a version's bindings name", () => {
  const bindings: Binding[] = [
    text("A"),
    { type: "service", name: "B", service: "one" },
    { type: "service", name: "C", service: "two", entrypoint: "E" },
  ];
  expect(serviceTargets(bindings)).toEqual([
    { name: "B", service: "one" },
    { name: "C", service: "two", entrypoint: "E" },
  ]);
});
