import { expect, test } from "vitest";
import { uploadForm } from "./harness/api.ts";
import { urlPrintedBy } from "./harness/platform.ts";
import { descendants } from "./harness/processes.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const esm = "application/javascript+module";

const ask = async (script: string, path = "/") => {
  const reply = await platform().fetch(await platform().url(script, path));
  expect(reply.status, reply.body).toBe(200);
  return reply;
};

test("text, data, JSON and CommonJS modules, vars, metadata, with source maps", async () => {
  using project = new Project("modules");
  const output = await platform().wranglerOk(project.directory, ["deploy", "--tag", "release-1", "--message", "first"]);
  const address = urlPrintedBy(output);
  const get = async (path: string) => (await platform().fetch(new URL(path, address).href)).json();
  expect(await get("/modules")).toEqual({
    page: "# Title\n",
    note: "plain text, ünïcode\n",
    bytes: [0, 1, 2, 3, 254, 255],
    data: { from: "json", list: [1, 2] },
    legacy: 42,
  });
  expect(await get("/env")).toEqual({
    plain: "text",
    object: { nested: [1, { two: 2 }], yes: true },
    secret: null,
    names: ["IMAGES", "LOADER", "OBJECT", "PLAIN", "VERSION"],
  });
});

test("the version metadata binding names the version that runs", async () => {
  const { deployments } = (await platform().api.get("/workers/scripts/modules/deployments")) as {
    deployments: { versions: { version_id: string }[] }[];
  };
  const version = (await ask("modules", "/version")).json() as { id: string; tag: string; timestamp: string };
  expect(version.id).toBe(deployments[0]?.versions[0]?.version_id);
  expect(version.tag).toBe("release-1");
  expect(Math.abs(Date.now() - Date.parse(version.timestamp))).toBeLessThan(120_000);
});

test("ctx.exports calls the Worker's own entrypoints, with props", async () => {
  expect((await ask("modules", "/exports")).json()).toEqual({ entrypoint: "Inner", props: { from: "loopback" } });
});

test("the worker loader runs code given at run time, cut off from the network", async () => {
  expect((await ask("modules", "/loader")).json()).toEqual({
    loaded: true,
    env: { given: "by the loader" },
    outbound: "refused",
  });
});

test("the Images binding changes pictures, in a process that is not there before", async () => {
  const hosts = () =>
    descendants(platform().supervisor.pid).filter(({ command }) =>
      command.join(" ").includes("products/images/host/main.ts"),
    );
  expect(hosts()).toEqual([]);
  expect((await ask("modules", "/image")).json()).toEqual({
    type: "image/webp",
    info: { format: "image/webp", width: 8, height: 4, fileSize: expect.any(Number) },
    was: { format: "image/png", width: 1, height: 1, fileSize: 69 },
  });
  expect(hosts()).not.toEqual([]);
});

test.each([
  ["what is no picture", "text", 9520, /^IMAGES_INFO_ERROR 9520: Unsupported image type/],
  ["pictures that are kept for it", "hosted", undefined, /^env.IMAGES.hosted is not supported here/],
])("the Images binding refuses %s", async (_, asked, code, words) => {
  const answer = (await ask("modules", `/image?${asked}`)).json();
  expect(answer).toEqual({ ...(code && { code }), message: expect.stringMatching(words) });
});

test("JSON, CommonJS, text and data modules as parts of an upload", async () => {
  const form = uploadForm({}, [
    {
      name: "main.mjs",
      type: esm,
      content: `import settings from "./settings.json"; import text from "./dir/a b.txt"; import data from "./x.bin"; import common from "./common.cjs"; import { deep } from "./dir/deep.js";
        export default { fetch() { return Response.json({ settings, text, size: data.byteLength, common, deep }); } };`,
    },
    { name: "settings.json", type: "application/json", content: '{"a":1}' },
    { name: "dir/a b.txt", type: "text/plain", content: 'quote " and \\ and \u0000 and ü' },
    { name: "x.bin", type: "application/octet-stream", content: new Uint8Array([0, 255, 10, 13]) },
    { name: "common.cjs", type: "application/javascript", content: "exports.value = require('./other.cjs') + 1" },
    { name: "other.cjs", type: "application/javascript", content: "module.exports = 1" },
    { name: "dir/deep.js", type: esm, content: "export { default as deep } from '../settings.json'" },
    { name: "main.mjs.map", type: "application/source-map", content: '{"version":3,"sources":[],"mappings":""}' },
  ]);
  const put = await platform().api.call("PUT", "/workers/scripts/parts?excludeScript=true", { form });
  expect(put.envelope.errors).toEqual([]);
  await platform().api.send("POST", "/workers/scripts/parts/subdomain", { enabled: true });
  expect((await ask("parts")).json()).toEqual({
    settings: { a: 1 },
    text: 'quote " and \\ and \u0000 and ü',
    size: 4,
    common: { value: 2 },
    deep: { a: 1 },
  });
});

test("a Python Worker is refused with words, not with a crash", async () => {
  const form = uploadForm({ compatibility_flags: ["python_workers"] }, [
    { name: "main.py", type: "text/x-python", content: "def on_fetch(r): pass" },
  ]);
  const put = await platform().api.call("PUT", "/workers/scripts/python?excludeScript=true", { form });
  expect(put.envelope.success).toBe(false);
  expect(put.envelope.errors[0]?.message).toMatch(/python/i);
});

test("the content of the live version can be read back", async () => {
  const content = await platform().api.call("GET", "/workers/scripts/parts/content/v2");
  expect(content.headers["content-type"]).toMatch(/^multipart\/form-data/);
  expect(content.headers["cf-entrypoint"]).toBe("main.mjs");
  const form = await new Response(content.body, {
    headers: { "content-type": content.headers["content-type"] ?? "" },
  }).formData();
  expect([...form.keys()].sort()).toContain("settings.json");
  expect(await (form.get("common.cjs") as File).text()).toBe("exports.value = require('./other.cjs') + 1");
});
