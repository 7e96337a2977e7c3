import { afterAll, beforeAll, expect, test } from "vitest";
import { type Modules, type TestApi, testApi, uploadForm } from "./testing.ts";

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
});
afterAll(() => api.end());

const esm = "application/javascript+module";
const main: Modules = { "index.js": ["export default { fetch() {} }", esm] };

test("module types follow content types, and the entry comes first", async () => {
  await api.deploy(
    "types",
    { main_module: "index.js" },
    {
      "./0a4d-note.txt": ["note", "text/plain"],
      "a/b.json": ["{}", "application/json"],
      "lib.cjs": ["module.exports = 1", "application/javascript"],
      "m.wasm": [new Uint8Array([0, 0x61, 0x73, 0x6d]), "application/wasm"],
      "d.bin": [new Uint8Array([1, 2]), "application/octet-stream"],
      "index.js": ["export default { fetch() {} }", `${esm}; charset=utf-8`],
      "index.js.map": ["{}", "application/source-map"],
      "x.py": ["pass", "text/x-python"],
      cffi: ["", "text/x-python-requirement"],
    },
  );
  const record = [...api.platform.runtime.records.values()].at(-1);
  expect(record?.modules.map(({ name, type, size }) => [name, type, size])).toEqual([
    ["index.js", "esm", 29],
    ["./0a4d-note.txt", "text", 4],
    ["a/b.json", "json", 2],
    ["lib.cjs", "commonjs", 18],
    ["m.wasm", "wasm", 4],
    ["d.bin", "data", 2],
    ["index.js.map", "source-map", 2],
    ["x.py", "python", 4],
    ["cffi", "python-requirement", 0],
  ]);
  const note = record?.modules.find(({ type }) => type === "text");
  expect(new TextDecoder().decode(await api.platform.blobs.get(note?.blob ?? ""))).toBe("note");
});

const refusals: [what: string, form: () => FormData, code: number, message: RegExp][] = [
  ["no metadata", () => new FormData(), 10021, /no part named "metadata"/],
  ["metadata twice", () => twice("metadata", "{}"), 10021, /more than one part named "metadata"/],
  [
    "metadata that no stack can hold",
    () => raw(`{"bindings":${"[".repeat(5000)}${"]".repeat(5000)}}`),
    10026,
    /levels deep/,
  ],
  ["metadata that is not JSON", () => raw("{"), 10026, /not JSON/],
  ["metadata of the wrong shape", () => uploadForm({ compatibility_flags: "x" }), 10021, /compatibility_flags/],
  ["no entry named", () => uploadForm({ main_module: undefined }), 10021, /names no entry/],
  ["both entries named", () => uploadForm({ body_part: "index.js" }), 10021, /both/],
  ["an entry that is not there", () => uploadForm({ main_module: "other.js" }), 10021, /no part of that name/],
  [
    "an entry of the wrong type",
    () => uploadForm({}, { "index.js": ["", "text/plain"] }),
    10021,
    /must be an ES module/,
  ],
  ["an unknown type", () => uploadForm({}, { ...main, a: ["", "image/png"] }), 10021, /image\/png/],
  [
    "a name twice",
    () => uploadForm({}, { ...main, "./index.js": ["", esm] }),
    10021,
    /more than one module named "index.js"/,
  ],
  ["a name that climbs", () => uploadForm({}, { ...main, "a/../../x": ["", "text/plain"] }), 10021, /must not contain/],
  ["an absolute name", () => uploadForm({}, { ...main, "/etc/passwd": ["", "text/plain"] }), 10021, /relative/],
  [
    "a control character",
    () => uploadForm({}, { ...main, "a\u0000b": ["", "text/plain"] }),
    10021,
    /control character/,
  ],
  ["a name of the runtime's", () => uploadForm({}, { ...main, "node:fs": ["", esm] }), 10021, /runtime/],
  ["a module without file name", () => textPart("a.txt"), 10021, /no file name/],
  ["a date in the future", () => uploadForm({ compatibility_date: "2999-01-01" }), 10021, /in the future/],
  ["a date that is none", () => uploadForm({ compatibility_date: "2026-02-31" }), 10021, /not a date/],
  ["too much CPU", () => uploadForm({ limits: { cpu_ms: 300_001 } }), 10021, /limits.cpu_ms/],
  ["an alias that is no label", () => uploadForm({ annotations: { "workers/alias": "9x" } }), 10021, /alias/],
  [
    "an alias that is too long",
    () => uploadForm({ annotations: { "workers/alias": "a".repeat(60) } }),
    10021,
    /too long/,
  ],
  ["migrations that are no list", () => uploadForm({ migrations: { steps: "A" } }), 10021, /migrations/],
  [
    "exports without storage",
    () => uploadForm({ exports: { A: { type: "durable-object" } } }),
    100402,
    /invalid_export/,
  ],
  ["containers", () => uploadForm({ containers: [{ class_name: "A" }] }), 10021, /Containers.*not available yet/],
];

test.each(refusals)("refuses %s", async (_what, form, code, message) => {
  const scripts = await api.call("GET", "/scripts");
  const answer = await api.call("PUT", "/scripts/refused-one", form());
  expect(answer.status).toBe(400);
  expect(answer.code).toBe(code);
  expect(answer.errors[0]?.message).toMatch(message);
  expect((await api.call("GET", "/scripts")).result).toEqual(scripts.result);
});

test("modules beyond 64 MiB are refused with the largest named, source maps not counted", async () => {
  const big = new Uint8Array(40 * 1024 * 1024);
  const form = () => uploadForm({}, { ...main, "big.bin": [big, "application/octet-stream"] });
  const withMap = form();
  withMap.append("index.js.map", new File([big], "index.js.map", { type: "application/source-map" }));
  expect((await api.call("PUT", "/scripts/fits", withMap)).status).toBe(200);
  const tooBig = form();
  tooBig.append("b.bin", new File([big.subarray(0, 30 * 1024 * 1024)], "b.bin", { type: "application/octet-stream" }));
  const answer = await api.call("PUT", "/scripts/too-big", tooBig);
  expect(answer).toMatchObject({ status: 413, code: 10027 });
  expect(answer.errors[0]?.message).toContain("big.bin (40.00 MiB), b.bin (30.00 MiB)");
});

test("a body that never ends is cut off", async () => {
  let sent = 0;
  const endless = new ReadableStream({
    pull(controller) {
      sent++;
      controller.enqueue(new Uint8Array(1_000_000));
    },
  });
  const answer = await api.call("PUT", "/scripts/endless", endless, {
    "content-type": "multipart/form-data; boundary=x",
  });
  expect(answer).toMatchObject({ status: 413, code: 10027 });
  expect(sent).toBeLessThan(150);
});

test("uploads together are bounded, and give back what they held", async () => {
  const parked: ReadableStreamDefaultController[] = [];
  const filling = Array.from({ length: 5 }, () => {
    const { promise: held, resolve } = Promise.withResolvers<void>();
    let chunks = 0;
    const body = new ReadableStream({
      start: (controller) => void parked.push(controller),
      pull(controller) {
        if (chunks++ < 90) controller.enqueue(new Uint8Array(1_000_000));
        else resolve();
      },
    });
    const answer = api.call("PUT", "/scripts/many", body, { "content-type": "multipart/form-data; boundary=x" });
    return { held, answer };
  });
  const refused = await Promise.race(filling.map(({ answer }) => answer));
  expect(refused).toMatchObject({ status: 429, code: 10429 });
  await Promise.allSettled(filling.map(({ held, answer }) => Promise.race([held, answer])));
  for (const controller of parked) controller.error(new Error("gone"));
  const answers = await Promise.all(filling.map(({ answer }) => answer));
  expect(answers.map(({ code }) => code)).toContain(10026);
  await api.deploy("after");
});

test("a script may come as a bare body", async () => {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode("addEventListener('fetch', () => {})"));
      controller.close();
    },
  });
  const answer = await api.call("PUT", "/scripts/bare", body, { "content-type": "application/javascript" });
  expect(answer.result).toMatchObject({
    id: "bare",
    has_modules: false,
    script: "addEventListener('fetch', () => {})",
  });
});

function twice(name: string, text: string): FormData {
  const form = new FormData();
  form.append(name, text);
  form.append(name, text);
  return form;
}

function raw(metadata: string): FormData {
  const form = uploadForm();
  form.set("metadata", metadata);
  return form;
}

function textPart(name: string): FormData {
  const form = uploadForm();
  form.set(name, "text");
  return form;
}
