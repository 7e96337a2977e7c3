import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { announcement, bulkForm, type TestFiles } from "../src/products/assets/testing-upload.ts";
import { killProcess, repository } from "./harness/platform.ts";
import { Child } from "./harness/processes.ts";
import { Site } from "./harness/site.ts";
import { usePlatform } from "./harness/suite.ts";

const MAX_FILES = 100;
const platform = usePlatform({ FREEHOLD_ASSET_MAX_FILES: String(MAX_FILES) });

const versions = async (script: string) => {
  const { items } = (await platform().api.get(`/workers/scripts/${script}/versions`)) as {
    items: { id: string; resources: { bindings: unknown[]; script_runtime: { assets?: { warnings?: string[] } } } }[];
  };
  return items;
};

const unusual: TestFiles = {
  "index.html": "<h1>hi</h1>",
  "a b/ü ñ [x]%5B.txt": "unusual",
  "日本語/😀.html": "<p>emoji</p>",
  "no-extension": "plain",
  ".well-known/security.txt": "Contact: x",
  "'quote\".txt": "quoted",
  "same-1.js": "same();",
  "same-2.js": "same();",
  "empty.css": "",
  "large.bin": Buffer.alloc(3_000_000, "0123456789abcdef"),
};

test("freehold wrangler says which lines do nothing, after a deploy and an upload that made a version", async () => {
  using site = new Site("told", { "index.html": "hi", _redirects: "/a /b 999\n" });
  const { PATH = "", HOME = "" } = process.env;
  const run = (...args: string[]) =>
    new Child(process.execPath, [join(repository, "src/main.ts"), "wrangler", ...args], {
      cwd: site.directory,
      env: { PATH, HOME, CI: "1", FREEHOLD_DATA: platform().dataDir },
    }).end(60_000);
  for (const args of [["deploy"], ["versions", "upload"]]) {
    const { code, output } = await run(...args);
    expect(code, output).toBe(0);
    expect(output).toMatch(/Lines that do nothing in the version just made of told:\n {2}_redirects:1 .*999/);
  }
  site.write("public/_redirects", "/a /b 301\n");
  const { code, output } = await run("deploy");
  expect([code, output.includes("Lines that do nothing")], output).toEqual([0, false]);
});

test("a folder with unusual names", async () => {
  using site = new Site("folder", { ...unusual, _headers: "/*\n  X-A: b\n/nothing\n", _redirects: "/a /b 999\n" });
  const first = await platform().wranglerOk(site.directory, ["deploy"]);
  expect(first).toContain("Success! Uploaded 9 files");
  expect(first).toContain("https://folder.");
  const [version] = await versions("folder");
  expect(version?.resources.bindings).toEqual([]);
  expect(version?.resources.script_runtime.assets?.warnings).toEqual([
    expect.stringMatching(/^_headers:3 /),
    expect.stringMatching(/^_redirects:1 /),
  ]);
  // No code, so nothing to start.
  expect(platform().runners()).toEqual([]);

  site.write("public/new.html", "new");
  const second = await platform().wranglerOk(site.directory, ["deploy"]);
  expect(second).toContain("Uploaded 1 file (10 already uploaded)");
  const third = await platform().wranglerOk(site.directory, ["versions", "upload"]);
  expect(third).toContain("No updated asset files to upload");
  expect(await versions("folder")).toHaveLength(3);
  const rolledBack = await platform().wranglerOk(site.directory, ["rollback", version?.id ?? "", "-y", "-m", "back"]);
  expect(rolledBack).toContain(version?.id);
});

test("assets with a Worker, and secrets on top", async () => {
  using site = new Site(
    "app",
    { "index.html": "<h1>app</h1>" },
    { main: "index.js", assets: { binding: "ASSETS", run_worker_first: ["/api/*", "!/api/doc/*"] } },
  );
  site.write("index.js", `export default { fetch: (request, env) => env.ASSETS.fetch(request) };`);
  expect(await platform().wranglerOk(site.directory, ["deploy"])).toContain("env.ASSETS");
  await platform().wranglerOk(site.directory, ["secret", "put", "KEY"], { input: "value" });
  const [version] = await versions("app");
  expect(version?.resources.bindings).toEqual(
    expect.arrayContaining([
      { type: "assets", name: "ASSETS" },
      { type: "secret_text", name: "KEY" },
    ]),
  );
  expect(version?.resources.script_runtime.assets).toBeDefined();
});

test("the client shows why a deploy is refused", async () => {
  const many = Object.fromEntries(Array.from({ length: MAX_FILES + 1 }, (_, i) => [`${i}.html`, ""]));
  using site = new Site("many", many);
  const { code, output } = await platform().wrangler(site.directory, ["deploy"]);
  expect(code).not.toBe(0);
  expect(output).toContain(`The site has ${MAX_FILES + 1} files; at most ${MAX_FILES} are allowed`);
  expect(output).toContain("10304");

  using rules = new Site(
    "rules",
    { "index.html": "x" },
    { main: "index.js", assets: { run_worker_first: ["/a/*", "/a/b"] } },
  );
  rules.write("index.js", "export default { fetch: () => new Response() };");
  expect((await platform().wrangler(rules.directory, ["deploy"])).output).toMatch(/run_worker_first|redundant/);
});

function metadataForm(jwt: string): FormData {
  const form = new FormData();
  form.set("metadata", JSON.stringify({ assets: { jwt }, compatibility_date: "2026-01-01" }));
  return form;
}

test("an upload goes on after control died in its midst, and may be repeated", async () => {
  const files: TestFiles = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`/f${i}.html`, `<p>${i}</p>`]));
  const { api, dataDir } = platform();
  const started = await api.send("POST", "/workers/scripts/crash/assets-upload-session", {
    manifest: announcement(files),
  });
  const { jwt, buckets } = started as { jwt: string; buckets: string[][] };
  const send = (bucket: string[] = []) =>
    api.call("POST", "/workers/assets/upload?base64=true", { form: bulkForm(files, bucket), token: jwt });
  expect((await send(buckets[0])).status).toBe(202);

  // The second request is cut off by the end of the process that reads it.
  const [control] = platform().role("control");
  const cut = send(buckets[1]);
  if (control) killProcess(control, "SIGKILL");
  await cut.catch(() => {});
  await expect
    .poll(async () => (await platform().fetch(`${platform().origin}/ready`)).status, { timeout: 20_000 })
    .toBe(200);

  for (const bucket of buckets.slice(1)) await send(bucket);
  const last = await send(buckets[1]);
  expect(last.status).toBe(201);
  const completion = (last.envelope.result as { jwt: string }).jwt;
  for (let i = 0; i < 2; i++) {
    const made = await api.call("PUT", "/workers/scripts/crash", { form: metadataForm(completion) });
    expect(made.envelope.errors).toEqual([]);
  }
  expect(readdirSync(join(dataDir, "assets", "drafts"))).toEqual([]);
});
