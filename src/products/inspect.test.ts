/** What inspection says about code, asked of real workerd processes. */
import { expect, test } from "vitest";
import type { ValidateReply } from "../domain/messages.ts";
import type { Binding, LaunchRecord } from "../domain/version.ts";
import { readInspection } from "../workerd/inspection.ts";
import { startupError } from "../workerd/startup-error.ts";
import { startTestRunner, type TestBlobs, testRecord, testSeal } from "../workerd/testing.ts";
import { planLaunch } from "./launch.ts";

async function inspect(
  modules: Record<string, string | Uint8Array>,
  parts: Partial<LaunchRecord> = {},
): Promise<ValidateReply> {
  const blobs: TestBlobs = new Map();
  const record = testRecord(blobs, modules, parts);
  const runner = await startTestRunner(planLaunch, record, blobs, { mode: "inspect" });
  try {
    if (!runner.started) return { ok: false, ...startupError(runner.stderr(), "exit", record) };
    return readInspection((await runner.fetch("/")).body, 1);
  } finally {
    await runner.stop();
  }
}

const found = (...exports: [name: string, kind: string, handlers: string[]][]) => ({
  ok: true,
  exports: exports.map(([name, kind, handlers]) => ({ name, kind, handlers })),
  startupTimeMs: 1,
});

const NO_HANDLERS = { ok: false, code: 10068, message: "The uploaded script has no registered event handlers." };

test("the exports of a module by kind, with their handlers", async () => {
  const code = `
    import { DurableObject, WorkerEntrypoint, WorkflowEntrypoint } from "cloudflare:workers";
    export class Api extends WorkerEntrypoint { fetch() {} add() {} }
    class Base extends DurableObject { alarm() {} }
    export class Room extends Base { fetch() {} webSocketMessage() {} }
    export class Flow extends WorkflowEntrypoint { run() {} }
    export class OldObject { constructor(state) {} fetch() {} }
    export const named = { queue() {} };
    export const number = 5;
    export const arrow = () => {};
    export default { fetch() {}, async scheduled() {}, email: () => {}, other() {}, tail: 1 };`;
  expect(await inspect({ "index.js": code })).toEqual(
    found(
      ["Api", "worker-entrypoint", ["fetch"]],
      ["Flow", "workflow", []],
      ["OldObject", "other", ["fetch"]],
      ["Room", "durable-object", ["fetch", "alarm", "webSocketMessage"]],
      ["arrow", "other", []],
      ["default", "object", ["fetch", "scheduled", "email"]],
      ["named", "object", ["queue"]],
      ["number", "other", []],
    ),
  );
});

const modules: [name: string, files: Record<string, string>, parts: Partial<LaunchRecord>, reply: object][] = [
  [
    "a class as default export",
    {
      "index.js": `import { WorkerEntrypoint } from "cloudflare:workers";
        class Base extends WorkerEntrypoint { fetch() {} }
        export default class extends Base { queue() {} }`,
    },
    {},
    found(["default", "worker-entrypoint", ["fetch", "queue"]]),
  ],
  ["nothing", { "index.js": "export default {}" }, {}, NO_HANDLERS],
  ["no export at all", { "index.js": "1" }, {}, NO_HANDLERS],
  [
    "only a durable object",
    { "index.js": `export { DurableObject as A } from "cloudflare:workers"` },
    {},
    // The base class itself: it does not extend itself.
    NO_HANDLERS,
  ],
  [
    "a proxy that throws",
    { "index.js": `export default new Proxy({}, { get() { throw 1 } }); export const a = { fetch() {} }` },
    {},
    found(["a", "object", ["fetch"]], ["default", "other", []]),
  ],
  [
    "an entry in a folder whose name is ours",
    { "freehold/index.js": "export default { fetch() {} }" },
    {},
    found(["default", "object", ["fetch"]]),
  ],
  [
    "the new module registry",
    { "./src/a b.js": "export default { fetch() {} }" },
    { compatibilityFlags: ["new_module_registry"] },
    found(["default", "object", ["fetch"]]),
  ],
  [
    "the oldest compatibility date",
    { "index.js": "export default { fetch() {} }" },
    { compatibilityDate: "2021-11-02" },
    found(["default", "object", ["fetch"]]),
  ],
  [
    "a service-worker script in strict mode",
    {
      "index.js": `"use strict"; addEventListener("fetch", () => {}); self.addEventListener("scheduled", () => {});
        globalThis.addEventListener("fetch", () => {}); new EventTarget().addEventListener("own", () => {});
        if ((function () { return this })()) throw new Error("not strict"); // no line end`,
    },
    { format: "service-worker" },
    found(["default", "object", ["fetch", "scheduled"]]),
  ],
  ["a service-worker script without handlers", { "index.js": "1" }, { format: "service-worker" }, NO_HANDLERS],
];

test.each(modules)("%s", async (_name, files, parts, reply) => {
  expect(await inspect(files, parts)).toEqual(reply);
});

const bindings: Binding[] = [
  { type: "plain_text", name: "TEXT", text: "t" },
  { type: "json", name: "JSON", json: { a: 1 } },
  { type: "secret_text", name: "SECRET", text: testSeal("s") },
  { type: "version_metadata", name: "VERSION" },
  { type: "service", name: "SELF", service: "test", entrypoint: "Missing" },
  { type: "service", name: "OTHER", service: "gone", props: { p: 1 } },
  { type: "worker_loader", name: "LOADER" },
];

test("bindings are there for code that reads them at start-up", async () => {
  const code = `
    import { env } from "cloudflare:workers";
    const seen = [env.TEXT, env.JSON.a, env.SECRET, env.VERSION.id.length, typeof env.SELF.fetch, typeof env.OTHER.rpc,
      typeof env.LOADER.get, typeof env.LOADER.load];
    if (seen.join() !== "t,1,s,36,function,function,function,function") throw new Error(seen.join());
    export default { fetch() {} };`;
  expect(await inspect({ "index.js": code }, { bindings })).toEqual(found(["default", "object", ["fetch"]]));
});

test("bindings are there for a service-worker script", async () => {
  const code = `
    const seen = [TEXT, JSON.a, SECRET, typeof OTHER.fetch];
    if (seen.join() !== "t,1,s,function") throw new Error(seen.join());
    addEventListener("fetch", () => {});`;
  expect(await inspect({ "index.js": code }, { bindings, format: "service-worker" })).toEqual(
    found(["default", "object", ["fetch"]]),
  );
});

const OK = "export default { fetch() {} };";
const flags = (...compatibilityFlags: string[]) => ({ compatibilityFlags });

const errors: [name: string, files: Record<string, string>, parts: Partial<LaunchRecord>, message: string][] = [
  [
    "a syntax error, with its position",
    { "index.js": `\n\n  let x = = 1; ${OK}` },
    {},
    "Uncaught SyntaxError: Unexpected token '='\n  at index.js:3:10",
  ],
  [
    "an exception at start-up, with its stack",
    { "index.js": `import "./lib/a.js";${OK}`, "lib/a.js": "function f() {\n  null.x;\n}\nf();" },
    {},
    "Uncaught TypeError: Cannot read properties of null (reading 'x')\n  at lib/a.js:2:8 in f\n  at lib/a.js:4:1",
  ],
  [
    "an exception of several lines",
    { "index.js": `throw new Error("one\\ntwo");` },
    {},
    "Uncaught Error: one\ntwo\n  at index.js:1:7",
  ],
  ["something thrown that is no error", { "index.js": `throw "text";` }, {}, "Uncaught Error: text"],
  [
    "a module that is missing",
    { "index.js": `import "./gone.js";${OK}` },
    {},
    'Uncaught Error: No such module "gone.js".\n  imported from "index.js"',
  ],
  [
    "an export that is missing",
    { "index.js": `import { a } from "./a.js";${OK}`, "a.js": "" },
    {},
    "Uncaught SyntaxError: The requested module './a.js' does not provide an export named 'a'\n  at index.js:1:9",
  ],
  [
    "Node modules without the flag",
    { "index.js": `import "node:fs";${OK}` },
    { compatibilityDate: "2023-01-01" },
    'Uncaught Error: No such module "node:fs".\n  imported from "index.js"',
  ],
  [
    "an await that never ends",
    { "index.js": `await new Promise(() => {});${OK}` },
    {},
    "Uncaught Error: Top-level await in module is unsettled.",
  ],
  [
    "work that only handlers may do",
    { "index.js": `await fetch("http://x");${OK}` },
    {},
    "Uncaught Error: Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), " +
      "setting a timeout, and generating random values are not allowed within global scope. To fix this error, perform " +
      "this operation within a handler. https://developers.cloudflare.com/workers/runtime-apis/handlers/\n  at index.js:1:7",
  ],
  ["an unknown flag", { "index.js": OK }, flags("nope", "nodejs_compat"), "No such compatibility flag: nope"],
  [
    "flags that contradict",
    { "index.js": OK },
    flags("nodejs_compat", "no_nodejs_compat"),
    "Compatibility flags are mutually contradictory: nodejs_compat vs no_nodejs_compat",
  ],
  [
    "a flag given twice",
    { "index.js": OK },
    flags("nodejs_compat", "nodejs_compat"),
    "Compatibility flag specified multiple times: nodejs_compat",
  ],
  ...["service_binding_extra_handlers", "streaming_tail_worker", "experimental", "unsafe_module"].map(
    (flag): (typeof errors)[number] => [
      `the experimental flag ${flag}`,
      { "index.js": OK },
      { ...flags(flag), bindings: [{ type: "worker_loader", name: "LOADER" }] },
      `The compatibility flag ${flag} is experimental and cannot be used in deployed Workers.`,
    ],
  ),
  ["a date that is none", { "index.js": OK }, { compatibilityDate: "soon" }, "Invalid compatibility date: soon"],
  [
    "a CommonJS entry",
    { "index.cjs": "module.exports = {}" },
    {},
    "Uncaught TypeError: Main module must be an ES module.",
  ],
  [
    "a module name that leads out",
    { "index.js": OK, "../a.txt": "" },
    {},
    `Uncaught Error: can't use ".." to break out of starting directory`,
  ],
  [
    "two modules of one name",
    { "index.js": OK, "a.txt": "", "./a.txt": "" },
    {},
    'Uncaught Error: Module "a.txt" already added to bundle',
  ],
  [
    "Wasm that is none",
    { "index.js": `import "./a.wasm";${OK}`, "a.wasm": "no" },
    {},
    "Uncaught CompileError: WasmModuleObject::Compile(): expected 4 bytes, fell off end @+0",
  ],
  [
    "a heap that overflows",
    { "index.js": "const all = []; for (;;) all.push({ a: [1, 2, 3, Math.sqrt(all.length)] });" },
    { limits: { cpuMs: 1, memoryMb: 16 } },
    "Script startup exceeded memory limit.",
  ],
  [
    "Python",
    { "index.py": "def on_fetch(request): pass" },
    flags("python_workers"),
    "Python Workers are not available: this platform has no Pyodide bundle for the runtime.",
  ],
  [
    "the Python flag alone",
    { "index.js": OK },
    flags("python_workers"),
    "Python Workers are not available: this platform has no Pyodide bundle for the runtime.",
  ],
  [
    "a service-worker script that throws",
    { "index.js": "\nfunction f() { null.x }\nf();" },
    { format: "service-worker" },
    "Uncaught TypeError: Cannot read properties of null (reading 'x')\n  at index.js:2:21 in f\n  at index.js:3:1",
  ],
  [
    "a service-worker script with a syntax error",
    { "index.js": "\nlet x = ;" },
    { format: "service-worker" },
    "Uncaught SyntaxError: Unexpected token ';'\n  at index.js:2:8",
  ],
];

test.each(errors)("refused: %s", async (_name, files, parts, message) => {
  expect(await inspect(files, parts)).toEqual({ ok: false, code: 10021, message });
});

test("refused: a date in the future", async () => {
  const reply = await inspect({ "index.js": OK }, { compatibilityDate: "2099-01-01" });
  expect(reply).toMatchObject({
    code: 10021,
    message: expect.stringMatching(/^Can't set compatibility date in the future: "2099-01-01"\. Today's .*$/),
  });
});
