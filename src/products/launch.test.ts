import { expect, test } from "vitest";
import type { LaunchRecord } from "../domain/version.ts";
import { testContext, testRecord, testSeal } from "../workerd/testing.ts";
import { planLaunch } from "./launch.ts";

const record = (
  parts: Partial<LaunchRecord> = {},
  modules: Record<string, string> = { "index.js": "export default {}" },
) => testRecord(new Map(), modules, parts);

/** The part of the config between two words, to keep expectations short. */
function part(config: string, from: string, to: string): string {
  const start = config.indexOf(from);
  expect(start).toBeGreaterThan(-1);
  return config.slice(start, config.indexOf(to, start));
}

test("a plain version", () => {
  const plan = planLaunch(record({ limits: { cpuMs: 1, memoryMb: 64 } }), testContext);
  expect(plan.config.replace(/esModule = "\/\/.*?export default \{ EmailMessage \};\\x0a"/, "EMAIL")).toBe(
    'using Workerd = import "/workerd/workerd.capnp";\n' +
      'const config :Workerd.Config = (v8Flags = ["--max-old-space-size=64", "--initial-heap-size=8"], services = [' +
      '(name = "user", worker = (compatibilityDate = "2026-11-01", compatibilityFlags = [], ' +
      'modules = [(name = "index.js", esModule = embed "m/0")], bindings = [], cacheApiOutbound = "cache")), ' +
      '(name = "internet", network = (allow = ["public"], deny = ["168.63.129.16/32", "192.0.0.0/24", ' +
      '"192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", ' +
      '"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "100::/64", "2001:db8::/32", "fec0::/10"], ' +
      "tlsOptions = (trustBrowserCas = true))), " +
      '(name = "health", disk = (path = "/e")), (name = "cache", external = (address = "unix:/v/backends.sock", ' +
      'http = (forwardedProtoHeader = "x-forwarded-scheme", ' +
      'injectRequestHeaders = [(name = "freehold-binding", value = "@cache")])))], ' +
      'sockets = [(name = "http", address = "unix:/s/http.sock", http = (cfBlobHeader = "cf-blob", ' +
      'forwardedProtoHeader = "x-forwarded-scheme", injectResponseHeaders = [(name = "server", value = "freehold")]), ' +
      'service = "user"), (name = "health", address = "unix:/s/health.sock", http = (), service = "health")], ' +
      'extensions = [(modules = [(name = "cloudflare-internal:email", internal = true, EMAIL)])]);\n',
  );
  expect(plan).toMatchObject({
    files: [{ path: "m/0", content: { blob: record().modules[0]?.blob } }],
    arguments: ["--experimental", "--debug-port=unix:/s/rpc.sock"],
    links: [],
    sockets: 2,
  });
});

test("what a Worker of an account with domains fetches can go to the edge", () => {
  const plan = planLaunch(record({ hasDomains: true }), { ...testContext, ports: [8787, 8443] });
  expect(plan.outbound).toEqual({ script: record().scriptName, plain: "edge-plain.sock", secure: "edge-secure.sock" });
  expect(plan.config).toContain('cacheApiOutbound = "cache", globalOutbound = "outbound"');
  expect(part(plan.config, 'globalOutbound = "internet"', '(name = "health"')).toBe(
    'globalOutbound = "internet", bindings = [(name = "internet", service = "internet"), ' +
      '(name = "plain", service = "edge-plain"), (name = "secure", service = "edge-secure"), ' +
      '(name = "ports", json = "[\\"8787\\",\\"8443\\"]")])), ' +
      '(name = "edge-plain", external = (address = "unix:/v/edge-plain.sock", http = ())), ' +
      '(name = "edge-secure", external = (address = "unix:/v/edge-secure.sock", http = ())), ',
  );
  // Code that is only looked at reaches nobody.
  expect(planLaunch(record({ hasDomains: true }), { ...testContext, mode: "inspect" }).outbound).toBeUndefined();
});

test("modules keep their names, the entry is first, source maps stay behind", () => {
  const modules = {
    "./a-logo.txt": "text",
    "src/index.js": "export default {}",
    "lib.cjs": "",
    "data.bin": "",
    "code.wasm": "",
    "conf.json": "{}",
    "src/index.js.map": "{}",
  };
  const plan = planLaunch(record({ mainModule: "src/index.js" }, modules), testContext);
  expect(part(plan.config, "modules = [", ", bindings")).toBe(
    'modules = [(name = "src/index.js", esModule = embed "m/0"), (name = "./a-logo.txt", text = embed "m/1"), ' +
      '(name = "lib.cjs", commonJsModule = embed "m/2"), (name = "data.bin", data = embed "m/3"), ' +
      '(name = "code.wasm", wasm = embed "m/4"), (name = "conf.json", json = embed "m/5")]',
  );
  expect(plan.files).toHaveLength(6);
});

test("every binding", () => {
  const plan = planLaunch(
    record({
      tag: "v1",
      exports: [
        { name: "default", kind: "object", handlers: ["fetch"] },
        { name: "Admin", kind: "worker-entrypoint", handlers: [] },
      ],
      bindings: [
        { type: "plain_text", name: "TEXT", text: '"' },
        { type: "json", name: "JSON", json: { a: 1 } },
        { type: "secret_text", name: "SECRET", text: testSeal("clear") },
        { type: "wasm_module", name: "WASM", part: "p", blob: "b1", size: 1 },
        { type: "text_blob", name: "TEXT_BLOB", part: "p", blob: "b2", size: 1 },
        { type: "data_blob", name: "DATA_BLOB", part: "p", blob: "b3", size: 1 },
        { type: "version_metadata", name: "VERSION" },
        { type: "worker_loader", name: "LOADER" },
        { type: "service", name: "SELF", service: "test" },
        { type: "service", name: "ADMIN", service: "test", entrypoint: "Admin", props: { p: 1 } },
        { type: "service", name: "LOST", service: "test", entrypoint: "Lost" },
        { type: "service", name: "OTHER", service: "other", entrypoint: "E", props: { p: 1 } },
        { type: "service", name: "OTHER2", service: "other" },
      ],
    }),
    testContext,
  );
  expect(part(plan.config, "bindings = [", ')), (name = "internet"').replaceAll("), (", "),\n(")).toBe(
    [
      'bindings = [(name = "TEXT", text = "\\""),',
      '(name = "JSON", json = "{\\"a\\":1}"),',
      '(name = "SECRET", text = "clear"),',
      '(name = "WASM", wasmModule = embed "m/0"),',
      '(name = "TEXT_BLOB", text = embed "m/1"),',
      '(name = "DATA_BLOB", data = embed "m/2"),',
      '(name = "VERSION", json = "{\\"id\\":\\"00000000-0000-4000-8000-000000000001\\",\\"tag\\":\\"v1\\",' +
        '\\"timestamp\\":\\"2026-11-20T10:00:00.000Z\\"}"),',
      '(name = "LOADER", workerLoader = (id = "LOADER")),',
      '(name = "SELF", service = (name = "user")),',
      '(name = "ADMIN", service = (name = "user", entrypoint = "Admin", props = (json = "{\\"p\\":1}"))),',
      '(name = "LOST", service = (name = "link", entrypoint = "Link", ' +
        'props = (json = "{\\"address\\":\\"unix:/v/link-0.sock\\",\\"service\\":\\"test\\",\\"entrypoint\\":\\"Lost\\"}"))),',
      '(name = "OTHER", service = (name = "link", entrypoint = "Link", ' +
        'props = (json = "{\\"address\\":\\"unix:/v/link-1.sock\\",\\"service\\":\\"other\\",\\"entrypoint\\":\\"E\\",\\"props\\":{\\"p\\":1}}"))),',
      '(name = "OTHER2", service = (name = "link", entrypoint = "Link", ' +
        'props = (json = "{\\"address\\":\\"unix:/v/link-1.sock\\",\\"service\\":\\"other\\"}")))], cacheApiOutbound = "cache"',
    ].join("\n"),
  );
  expect(plan.links).toEqual([
    { socket: "link-0.sock", to: { script: "test" } },
    { socket: "link-1.sock", to: { script: "other" } },
  ]);
  expect(plan.config.match(/name = "link", worker = /g)).toHaveLength(1);
});

test("what the operator allows is not denied", () => {
  const { config } = planLaunch(record(), { ...testContext, allowPrivate: ["10.1.0.0/16", "198.18.0.0/15"] });
  expect(config).toContain('allow = ["public", "10.1.0.0/16", "198.18.0.0/15"]');
  expect(part(config, "deny = [", "]")).not.toContain("198.18.0.0/15");
});

test("without a default export that takes requests there is an empty one", () => {
  const exports = [{ name: "Api", kind: "worker-entrypoint" as const, handlers: [] }];
  const { config, files } = planLaunch(record({ exports }), testContext);
  expect(config).toContain('modules = [(name = "freehold/entry.js", esModule = embed "m/1"), (name = "index.js"');
  expect(files[1]).toEqual({
    path: "m/1",
    content: { text: 'export * from "../index.js";\nexport default {};\n' },
  });
});

test("inspecting: an entry of ours, bindings that lead nowhere, no experimental features", () => {
  const plan = planLaunch(
    record({
      bindings: [
        { type: "service", name: "SELF", service: "test", entrypoint: "Missing" },
        { type: "service", name: "OTHER", service: "other" },
        { type: "worker_loader", name: "LOADER" },
      ],
    }),
    { ...testContext, mode: "inspect", allowPrivate: ["10.0.0.0/8"] },
  );
  expect(plan.arguments).toEqual([]);
  expect(plan.links).toEqual([]);
  expect(plan.config).toContain('(name = "internet", network = (allow = []))');
  expect(part(plan.config, "bindings = [", "))]")).toBe(
    'bindings = [(name = "SELF", service = "internet"), (name = "OTHER", service = "internet"), ' +
      '(name = "LOADER", wrapped = (moduleName = "freehold-internal:loader-stub"',
  );
  expect(plan.config).toContain('modules = [(name = "freehold/entry.js"');
});

test("a record without its main module is refused", () => {
  expect(() => planLaunch(record({ mainModule: "gone.js" }), testContext)).toThrow('no module "gone.js"');
});
