/** Launch plans that real workerd processes run: every module type and every binding. */
import { afterEach, expect, test } from "vitest";
import type { LaunchRecord } from "../domain/version.ts";
import {
  startTestRunner,
  type TestBlobs,
  type TestOptions,
  type TestRunner,
  testRecord,
  testSeal,
} from "../workerd/testing.ts";
import { planLaunch } from "./launch.ts";

const runners: TestRunner[] = [];
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
});

async function serve(
  modules: Record<string, string | Uint8Array>,
  parts: Partial<LaunchRecord> = {},
  options: TestOptions = {},
): Promise<TestRunner> {
  const blobs: TestBlobs = new Map();
  const runner = await startTestRunner(planLaunch, testRecord(blobs, modules, parts), blobs, options);
  runners.push(runner);
  expect(runner.started, runner.stderr()).toBe(true);
  return runner;
}

/** The smallest Wasm module that does something: exports `f`, which returns 42. */
const WASM = Uint8Array.from(
  Buffer.from("0061736d010000000105016000017f03020100070501016600000a06010400412a0b", "hex"),
);

test("every module type, under the names that the client uploads", async () => {
  const runner = await serve({
    "index.js": `
      import text from "./0a-text.txt";
      import data from "./0b-data.bin";
      import wasm from "./0c-code.wasm";
      import json from "./0d-conf.json";
      import common from "./0e-common.cjs";
      import { deep } from "./lib/deep.mjs";
      export default { fetch() {
        const { f } = new WebAssembly.Instance(wasm).exports;
        return Response.json({ text, data: [...new Uint8Array(data)], wasm: f(), json, common: common.value, deep });
      } }`,
    "./0a-text.txt": "text é\0😀",
    "./0b-data.bin": Uint8Array.of(0, 255, 1),
    "./0c-code.wasm": WASM,
    "./0d-conf.json": '{"a":[1]}',
    "./0e-common.cjs": "exports.value = typeof module + typeof require",
    "lib/deep.mjs": `import text from "../0a-text.txt"; export const deep = text.length`,
    "index.js.map": "{}",
  });
  expect(JSON.parse((await runner.fetch("/")).body)).toEqual({
    text: "text é\0😀",
    data: [0, 255, 1],
    wasm: 42,
    json: { a: [1] },
    common: "objectfunction",
    deep: 9,
  });
});

test.each([
  ["", []],
  [" with the new module registry", ["new_module_registry"]],
])("an entry in a folder, with odd names%s", async (_name, compatibilityFlags) => {
  const runner = await serve(
    {
      "./src/my entry.js": `import text from "./a b.txt"; export default { fetch: () => new Response(text) }`,
      "src/a b.txt": "found",
    },
    { compatibilityFlags },
  );
  expect((await runner.fetch("/")).body).toBe("found");
});

test("every variable, with text that is hard to write", async () => {
  const text = "\0\"\\\n'é😀\u2028\x7f$(x)";
  const runner = await serve(
    { "index.js": "export default { fetch: (request, env) => Response.json(env) }" },
    {
      tag: "v1",
      bindings: [
        { type: "plain_text", name: "TEXT", text },
        { type: "secret_text", name: "SECRET", text: testSeal(text) },
        { type: "json", name: "JSON", json: { [text]: [text, null, 1.5, true] } },
        { type: "version_metadata", name: "VERSION" },
      ],
    },
  );
  expect(JSON.parse((await runner.fetch("/")).body)).toEqual({
    TEXT: text,
    SECRET: text,
    JSON: { [text]: [text, null, 1.5, true] },
    VERSION: { id: "00000000-0000-4000-8000-000000000001", tag: "v1", timestamp: "2026-11-20T10:00:00.000Z" },
  });
});

test("service-worker format with its blobs as globals", async () => {
  const blobs: TestBlobs = new Map();
  const [wasm, text, data] = testRecord(blobs, { "a.wasm": WASM, "b.txt": "blob", "c.bin": Uint8Array.of(7) }).modules;
  const parts = { part: "p", size: 1 };
  const record = testRecord(
    blobs,
    {
      "index.js": `addEventListener("fetch", (event) => event.respondWith(Response.json({
        wasm: new WebAssembly.Instance(CODE).exports.f(), text: WORDS, data: [...new Uint8Array(BYTES)], name: NAME })))`,
    },
    {
      format: "service-worker",
      compatibilityDate: "2021-11-02",
      bindings: [
        { type: "wasm_module", name: "CODE", blob: wasm?.blob ?? "", ...parts },
        { type: "text_blob", name: "WORDS", blob: text?.blob ?? "", ...parts },
        { type: "data_blob", name: "BYTES", blob: data?.blob ?? "", ...parts },
        { type: "plain_text", name: "NAME", text: "n" },
      ],
    },
  );
  const runner = await startTestRunner(planLaunch, record, blobs);
  runners.push(runner);
  expect(JSON.parse((await runner.fetch("/")).body)).toEqual({ wasm: 42, text: "blob", data: [7], name: "n" });
});

test("service bindings to itself, and ctx.exports", async () => {
  const runner = await serve(
    {
      "index.js": `
        import { WorkerEntrypoint } from "cloudflare:workers";
        export class Admin extends WorkerEntrypoint { who(name) { return name + JSON.stringify(this.ctx.props) } }
        export default { async fetch(request, env, ctx) {
          if (new URL(request.url).pathname === "/inner") return new Response("inner");
          return Response.json([
            await env.ADMIN.who("bound "),
            await ctx.exports.Admin({ props: { p: 2 } }).who("exported "),
            await (await env.SELF.fetch("http://x/inner")).text(),
          ]);
        } }`,
    },
    {
      exports: [
        { name: "Admin", kind: "worker-entrypoint", handlers: [] },
        { name: "default", kind: "object", handlers: ["fetch"] },
      ],
      bindings: [
        { type: "service", name: "SELF", service: "test" },
        { type: "service", name: "ADMIN", service: "test", entrypoint: "Admin", props: { p: 1 } },
      ],
    },
  );
  expect(JSON.parse((await runner.fetch("/")).body)).toEqual(['bound {"p":1}', 'exported {"p":2}', "inner"]);
});

test("a worker loader runs code, but none with experimental flags", async () => {
  const runner = await serve(
    {
      "index.js": `
        async function load(loader, more) {
          try {
            const worker = loader.load({ compatibilityDate: "2026-11-01", mainModule: "m.js",
              modules: { "m.js": "export default { fetch: () => new Response('loaded') }" }, ...more });
            return await (await worker.getEntrypoint().fetch("http://x")).text();
          } catch (error) {
            return error.message;
          }
        }
        const compatibilityFlags = ["service_binding_extra_handlers"];
        export default { fetch: async (request, { LOADER }) => Response.json([
          await load(LOADER),
          await load(LOADER, { compatibilityFlags }),
          await load(LOADER, { compatibilityFlags, allowExperimental: true }),
        ]) }`,
    },
    { bindings: [{ type: "worker_loader", name: "LOADER" }] },
  );
  expect(JSON.parse((await runner.fetch("/")).body)).toEqual([
    "loaded",
    expect.stringContaining("is experimental"),
    expect.stringContaining("'allowExperimental' is only allowed"),
  ]);
});

test("cloudflare:email is there", async () => {
  const runner = await serve({
    "index.js": `import { EmailMessage } from "cloudflare:email";
      export default { fetch: () => Response.json(new EmailMessage("a@x", "b@x", "raw")) }`,
  });
  expect(JSON.parse((await runner.fetch("/")).body)).toEqual({ from: "a@x", to: "b@x", "EmailMessage::raw": "raw" });
});

test("what the edge says about a request arrives, and only that", async () => {
  const runner = await serve({
    "index.js": `export default { fetch: ({ url, cf, headers }) => Response.json({ url, cf, headers: [...headers.keys()] },
      { headers: { server: "forged" } }) }`,
  });
  const reply = await runner.fetch("/a?b", { headers: { "cf-blob": '{"colo":"X"}', "x-forwarded-scheme": "https" } });
  expect(JSON.parse(reply.body)).toEqual({
    url: "https://test.example/a?b",
    cf: { colo: "X" },
    headers: ["connection", "host"],
  });
  expect(reply.headers.server).toBe("freehold");
});

test.each([
  ["no default export", `export class Api extends WorkerEntrypoint {}`, "Api", "worker-entrypoint"],
  ["a default export of another kind", `export default class { constructor(state) {} }`, "default", "other"],
] as const)("with %s a request is an exception, not a request to the internet", async (_name, code, name, kind) => {
  const runner = await serve(
    { "index.js": `import { WorkerEntrypoint } from "cloudflare:workers"; ${code}` },
    { exports: [{ name, kind, handlers: [] }] },
  );
  const reply = await runner.fetch("/");
  expect(reply).toMatchObject({ status: 500, headers: { connection: "close" } });
  expect(reply.headers.server).toBeUndefined();
  await expect.poll(() => runner.stderr()).toContain("Handler does not export a fetch() function.");
});

test("the health socket answers without the user's code", async () => {
  const runner = await serve({ "index.js": "export default { fetch() { throw new Error() } }" });
  expect(await runner.fetch("/", { socket: `${runner.socketDir}/health.sock` })).toMatchObject({
    status: 200,
    body: "[]",
  });
});

test("private and special addresses are out of reach", async () => {
  const addresses = [
    "127.0.0.1",
    "10.0.0.1",
    "169.254.169.254",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "168.63.129.16",
    "198.18.0.1",
    "192.0.0.192",
    "[fd00:ec2::254]",
  ];
  const runner = await serve({
    "index.js": `
      import { connect } from "cloudflare:sockets";
      const addresses = ${JSON.stringify(addresses)};
      const tried = (promise) => promise.then(() => "connected", (error) => "refused");
      export default { fetch: async () => Response.json(await Promise.all(addresses.flatMap((address) =>
        [tried(fetch("http://" + address)), tried(connect(address + ":1").opened)]))) }`,
  });
  const results = JSON.parse((await runner.fetch("/")).body);
  expect(results).toEqual(Array(2 * addresses.length).fill("refused"));
  // Refused by rule, not by chance.
  for (const address of addresses) {
    const shown = address === "[::ffff:127.0.0.1]" ? "::ffff:7f00:1" : address.replace(/^\[|\]$/g, "");
    await expect.poll(() => runner.stderr()).toContain(`connecting to ${shown}:80 is not allowed`);
  }
});
