import { afterEach, beforeEach, expect, test } from "vitest";
import { type TestApi, testApi, uploadForm } from "./testing.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
});
afterEach(() => api.end());

const secret = (name: string, text: string) => ({ type: "secret_text", name, text });
const plain = (name: string, text: string) => ({ type: "plain_text", name, text });
const inherit = (name: string, more = {}) => ({ type: "inherit", name, ...more });

/** `NAME=text` of each binding of a version, sorted. */
function bindingsOf(versionId: string): string[] {
  const { platform } = api;
  return (platform.runtime.records.get(versionId)?.bindings ?? [])
    .map((binding) => {
      if (binding.type === "secret_text") return `${binding.name}=${platform.unseal(binding.text)}`;
      if (binding.type === "json") return `${binding.name}=${JSON.stringify(binding.json)}`;
      return `${binding.name}=${binding.type === "plain_text" ? binding.text : binding.type}`;
    })
    .sort();
}

const before = [
  plain("V", "1"),
  { type: "json", name: "J", json: [1] },
  secret("S", "s"),
  { type: "version_metadata", name: "M" },
];

const carried: [what: string, metadata: Record<string, unknown>, after: string[]][] = [
  ["nothing said: secrets stay, all else goes", {}, ["S=s"]],
  [
    "keep-vars: variables and secrets stay",
    { keep_bindings: ["plain_text", "json", "secret_text", "secret_key"] },
    ["J=[1]", "S=s", "V=1"],
  ],
  ["an upload wins over what is kept", { keep_bindings: ["plain_text"], bindings: [plain("V", "2")] }, ["S=s", "V=2"]],
  ["a variable may take a secret's name", { bindings: [plain("S", "open")] }, ["S=open"]],
  ["inherit", { bindings: [inherit("V"), inherit("M")] }, ["M=version_metadata", "S=s", "V=1"]],
  ["inherit a secret", { bindings: [inherit("S")] }, ["S=s"]],
  ["inherit under another name", { bindings: [inherit("W", { old_name: "V" })] }, ["S=s", "W=1"]],
  ["inherit of what is not there is left out unless strict", { bindings: [inherit("X")] }, ["S=s"]],
];

test.each(carried)("%s", async (_what, metadata, after) => {
  await api.deploy("w", { bindings: before });
  expect(bindingsOf(await api.deploy("w", metadata))).toEqual(after);
  await api.deploy("v", { bindings: before });
  expect(bindingsOf(await api.upload("v", metadata))).toEqual(after);
});

test("inherit means the newest version, deployed or not, or the one that is named", async () => {
  const first = await api.deploy("w", { bindings: [plain("V", "1")] });
  await api.upload("w", { bindings: [plain("V", "2")] });
  expect(bindingsOf(await api.deploy("w", { bindings: [inherit("V")] }))).toEqual(["V=2"]);
  expect(bindingsOf(await api.deploy("w", { bindings: [inherit("V", { version_id: first })] }))).toEqual(["V=1"]);
});

test("strict inherit names every missing binding in an error of its own", async () => {
  await api.deploy("w", { bindings: [plain("V", "1")] });
  const answer = await api.call(
    "PUT",
    "/scripts/w?bindings_inherit=strict",
    uploadForm({ bindings: [inherit("A"), inherit("V"), inherit("B")] }),
  );
  expect(answer.status).toBe(400);
  expect(answer.errors.map(({ code }) => code)).toEqual([10057, 10057]);
  expect(answer.errors[0]?.message).toMatch(/^inherit binding 'A' is invalid/);
  expect(answer.errors[1]?.message).toMatch(/^inherit binding 'B' is invalid/);
});

const many = (count: number) => Array.from({ length: count }, (_, n) => plain(`V${n}`, "x"));

const refusals: [what: string, bindings: unknown[], code: number, message: RegExp][] = [
  ["a binding without name", [{ type: "plain_text", text: "x" }], 10052, /number 1/],
  ["something that is no binding", [null], 10052, /number 1/],
  ["a name twice", [plain("A", "1"), secret("A", "2")], 10053, /'A' already in use/],
  ["an inherited name twice", [plain("A", "1"), inherit("A")], 10053, /'A' already in use/],
  ["a type that is not known", [{ type: "no_such_type", name: "K" }], 10021, /no_such_type/],
  ["a variable that is too large", [plain("A", "x".repeat(5121))], 10054, /5121|5 KB/],
  ["too many variables", many(129), 10055, /129/],
  ["a service that does not exist", [{ type: "service", name: "S", service: "nobody" }], 10143, /"nobody"/],
  [
    "an environment that does not exist",
    [{ type: "service", name: "S", service: "w", environment: "dev" }],
    10092,
    /"dev"/,
  ],
  ["a part in module format", [{ type: "text_blob", name: "T", part: "index.js" }], 10021, /service-worker/],
];

test.each(refusals)("refuses %s", async (_what, bindings, code, message) => {
  const answer = await api.call("PUT", "/scripts/w", uploadForm({ bindings }));
  expect(answer.code).toBe(code);
  expect(answer.errors[0]?.message).toMatch(message);
});

test("128 variables, a service that is the script itself and one that exists are fine", async () => {
  await api.deploy("other");
  await api.deploy("w", {
    bindings: [
      ...many(128),
      { type: "service", name: "SELF", service: "w", environment: "production" },
      { type: "service", name: "OTHER", service: "other", entrypoint: "Admin", props: { a: 1 } },
    ],
  });
  const { result } = await api.call("GET", "/scripts/w/settings");
  expect(result.bindings).toHaveLength(130);
  expect(result.bindings.at(-1)).toEqual({
    type: "service",
    name: "OTHER",
    service: "other",
    entrypoint: "Admin",
    props: { a: 1 },
  });
});

test("parts of a service-worker upload become bindings; loose parts are refused", async () => {
  const script = "application/javascript";
  const bindings = [{ type: "text_blob", name: "T", part: "T" }];
  const metadata = { main_module: undefined, body_part: "s.js", bindings };
  const parts = { T: ["hi", "text/plain"], "s.js": ["addEventListener('fetch', () => {})", script] } as const;
  const id = await api.deploy("sw", metadata, { T: [...parts.T], "s.js": [...parts["s.js"]] });
  const record = api.platform.runtime.records.get(id);
  expect(record).toMatchObject({ format: "service-worker", mainModule: "s.js" });
  expect(record?.modules.map(({ name }) => name)).toEqual(["s.js"]);
  expect(record?.bindings).toMatchObject([{ type: "text_blob", name: "T", part: "T", size: 2 }]);
  // The content goes along when a later version inherits it.
  const again = await api.deploy("sw", { ...metadata, bindings: [inherit("T")] }, { "s.js": [...parts["s.js"]] });
  expect(api.platform.runtime.records.get(again)?.bindings).toEqual(record?.bindings);
  const loose = await api.call(
    "PUT",
    "/scripts/sw",
    uploadForm({ ...metadata, bindings: [] }, { T: [...parts.T], "s.js": [...parts["s.js"]] }),
  );
  expect(loose.errors[0]?.message).toContain('Nothing uses the part "T"');
});
